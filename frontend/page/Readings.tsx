import { ErrorNote } from "../shared/ErrorNote";
import { CheckIcon, CloseIcon } from "../shared/icons";
import type { Job } from "../shared/types";
import { ApiError } from "../shared/errors";
import { counted } from "./Sources";
import { going, leftOut, type Reading, shown, type Unread, unread } from "./reading";

interface Props {
  readings: readonly Reading[];
  cancel(reading: Reading): void;
  dismiss(reading: Reading): void;
}

const MOST_SHOWN = 200;
const FEW = 3;

/** How far each reading is, and what could not be read, by name and with the reason. */
export function Readings({ readings, cancel, dismiss }: Props) {
  if (readings.length === 0) return null;
  return (
    <ul class="plain readings" aria-label="Reading">
      {readings.map((reading) => (
        <li class="card" key={reading.key}>
          <One reading={reading} cancel={cancel} dismiss={dismiss} />
        </li>
      ))}
    </ul>
  );
}

function One({ reading, cancel, dismiss }: { reading: Reading } & Pick<Props, "cancel" | "dismiss">) {
  const { title, error } = reading;
  const job = shown(reading);
  const failure = error ?? failureOf(job);
  const more = failure === null && going(reading);
  const names = unread(reading);
  return (
    <>
      <div class="row between">
        <h3 dir="auto">{title}</h3>
        {more ? (
          <button type="button" class="button small" onClick={() => cancel(reading)}>
            Stop<span class="hidden"> reading {title}</span>
          </button>
        ) : (
          <button
            type="button"
            class="quiet"
            aria-label={`Dismiss ${title}`}
            title="Dismiss"
            onClick={() => dismiss(reading)}
          >
            <CloseIcon />
          </button>
        )}
      </div>
      {failure && <ErrorNote error={failure} />}
      {more && <Going job={job} sent={reading.sent} title={title} />}
      {!more && !failure && <Done jobs={reading.jobs} failed={names.length} />}
      <Names
        summary={`${names.length} ${names.length === 1 ? "document" : "documents"} could not be read`}
        names={names}
      />
      <Names
        summary={`${reading.leftOut.length} left out: Freehold does not read this kind of file`}
        names={reading.leftOut.map((path) => [path, ""])}
      />
      <LeftOut jobs={reading.jobs} />
    </>
  );
}

function Going({ job, sent, title }: { job: Job | null; sent: number; title: string }) {
  const progress = job?.progress;
  const total = progress?.total ?? 0;
  const share = sent < 1 ? sent : total > 0 ? (progress?.done ?? 0) / total : null;
  const says = () => {
    if (sent < 1) return `Sending, ${Math.round(sent * 100)} %`;
    if (job === null) return "Handing over…";
    if (total > 0) return `Reading ${progress?.done ?? 0} of ${total}`;
    return job.state === "queued" ? "Waiting for its turn…" : "Looking through it…";
  };
  return (
    <>
      <progress aria-label={`Reading ${title}`} {...(share === null ? {} : { value: share, max: 1 })} />
      <p class="note clip">
        {says()}
        {sent >= 1 && progress?.current && (
          <>
            {" · "}
            <bdi>{progress.current}</bdi>
          </>
        )}
      </p>
    </>
  );
}

function Done({ jobs, failed }: { jobs: readonly Job[]; failed: number }) {
  const sum = (what: "added" | "changed" | "removed" | "unchanged") =>
    jobs.reduce((total, job) => total + (job.result?.[what] ?? 0), 0);
  const parts = (["added", "changed", "removed"] as const).filter((what) => sum(what) > 0);
  const job = jobs[jobs.length - 1];
  if (failed > 0 && parts.length + sum("unchanged") === 0)
    return (
      <p class="bad" role="status">
        Nothing could be read.
      </p>
    );
  return (
    <p class="good" role="status">
      <CheckIcon />
      {job?.state === "cancelled"
        ? "Stopped. What was read stays."
        : `Read. ${parts.map((what) => `${sum(what)} ${what}`).join(", ") || "Nothing new"}.`}
    </p>
  );
}

/** Of a site: which pages were left out, and why. */
function LeftOut({ jobs }: { jobs: readonly Job[] }) {
  const reasons = leftOut(jobs[jobs.length - 1]);
  if (reasons.length === 0) return null;
  const total = reasons.reduce((sum, { count }) => sum + count, 0);
  return (
    <details class="left-out">
      <summary>{counted(total, "page")} left out</summary>
      <ul class="failures">
        {reasons.map(({ why, count, examples }) => (
          <li key={why}>
            {count.toLocaleString("en")}: {why}{" "}
            <span class="note">
              such as <bdi>{examples[0]}</bdi>
            </span>
          </li>
        ))}
      </ul>
    </details>
  );
}

function Names({ summary, names }: { summary: string; names: readonly Unread[] }) {
  if (names.length === 0) return null;
  return (
    <details open={names.length <= FEW}>
      <summary>{summary}</summary>
      <ul class="failures">
        {names.slice(0, MOST_SHOWN).map(([name, reason]) => (
          <li key={name}>
            <bdi>{name}</bdi>
            {reason && <span class="note"> {reason}</span>}
          </li>
        ))}
        {names.length > MOST_SHOWN && <li class="note">and {names.length - MOST_SHOWN} more</li>}
      </ul>
    </details>
  );
}

function failureOf(job: Job | null): ApiError | null {
  if (job === null || job.state !== "failed") return null;
  const { code = "job", message = "The reading failed.", hint = null } = job.error ?? {};
  return new ApiError(code, message, hint);
}
