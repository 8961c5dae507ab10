import { useId, useRef, useState } from "preact/hooks";
import { SendIcon, StopIcon } from "./icons";

const LONGEST = 8000;

interface Props {
  name: string;
  busy: boolean;
  ask(text: string): void;
  stop(): void;
}

/** Where the question is written: Enter asks, Shift+Enter begins a new line. */
export function Composer({ name, busy, ask, stop }: Props) {
  const [text, setText] = useState("");
  const area = useRef<HTMLTextAreaElement>(null);
  const id = useId();
  const ready = text.trim() !== "" && !busy;

  const submit = () => {
    if (!ready) return;
    ask(text);
    setText("");
    area.current?.focus();
  };

  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <label class="hidden" for={id}>
        Ask {name} a question
      </label>
      <div class="grow">
        <textarea
          id={id}
          ref={area}
          rows={1}
          dir="auto"
          maxLength={LONGEST}
          placeholder="Ask a question"
          autocomplete="off"
          enterkeyhint="send"
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
            event.preventDefault();
            submit();
          }}
        />
        <div class="shadow-text" aria-hidden="true">
          {text + "\u200B"}
        </div>
      </div>
      {busy ? (
        <button type="button" class="round" aria-label="Stop the answer" title="Stop" onClick={stop}>
          <StopIcon />
        </button>
      ) : (
        <button type="submit" class="round" aria-label="Ask" title="Ask" aria-disabled={!ready}>
          <SendIcon />
        </button>
      )}
    </form>
  );
}
