import { useEffect, useId, useRef, useState } from "preact/hooks";
import { SendIcon, StopIcon } from "./icons";

const LONGEST = 8000;

interface Props {
  name: string;
  busy: boolean;
  ask(text: string): void;
  stop(): void;
}

/** Where the question is written: Enter asks, Shift+Enter begins a new line. What is entered while an answer
 * is under way waits for its end, and can still be changed, which takes it back. */
export function Composer({ name, busy, ask, stop }: Props) {
  const [text, setText] = useState("");
  const [held, setHeld] = useState(false);
  const area = useRef<HTMLTextAreaElement>(null);
  const id = useId();
  const written = text.trim() !== "";

  const submit = () => {
    setHeld(busy && written);
    if (busy || !written) return;
    ask(text);
    setText("");
  };
  useEffect(() => {
    if (held && !busy) submit();
  }, [held, busy]);

  return (
    <>
      <form
        class="composer"
        onSubmit={(event) => {
          event.preventDefault();
          submit();
          area.current?.focus();
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
            onInput={(event) => {
              setText(event.currentTarget.value);
              setHeld(false);
            }}
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
          <button type="submit" class="round" aria-label="Ask" title="Ask" aria-disabled={!written}>
            <SendIcon />
          </button>
        )}
      </form>
      <p class="note center fine" role="status">
        {held && "This is asked when the answer has ended."}
      </p>
    </>
  );
}
