interface Props {
  questions: readonly string[];
  label?: string;
  ask(question: string): void;
}

/** Questions or answers to press; nothing where there are none. */
export function Suggestions({ questions, label = "Suggested questions", ask }: Props) {
  if (questions.length === 0) return null;
  return (
    <ul class="suggestions" aria-label={label}>
      {questions.map((question) => (
        <li key={question}>
          <button type="button" class="suggestion" dir="auto" onClick={() => ask(question)}>
            {question}
          </button>
        </li>
      ))}
    </ul>
  );
}
