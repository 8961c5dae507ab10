interface Props {
  questions: readonly string[];
  ask(question: string): void;
}

/** First questions to press; nothing where there are none. */
export function Suggestions({ questions, ask }: Props) {
  if (questions.length === 0) return null;
  return (
    <ul class="suggestions" aria-label="Suggested questions">
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
