import type { ApiError } from "../shared/errors";
import type { Job } from "../shared/types";

/** A name and why it was not read. */
export type Unread = readonly [name: string, reason: string];

/** Pages that a crawl left out for one reason. */
export interface LeftOut {
  why: string;
  count: number;
  examples: string[];
}

/** One thing being read, from the first byte sent to the last document. */
export interface Reading {
  key: string;
  title: string;
  /** Share of the upload that has been sent, 0 to 1; 1 where nothing is uploaded. */
  sent: number;
  /** Oldest first; a large upload comes in several. */
  jobs: Job[];
  leftOut: string[];
  refused: Unread[];
  error: ApiError | null;
}

export const running = (job: Job) => job.state === "queued" || job.state === "running";

/** Whether more is to come of it. */
export function going({ error, sent, jobs }: Reading): boolean {
  return error === null && (sent < 1 || jobs.length === 0 || jobs.some(running));
}

/** The job to show: the one that runs, else the last. */
export function shown({ jobs }: Reading): Job | null {
  return jobs.find((job) => job.state === "running") ?? jobs.find(running) ?? jobs[jobs.length - 1] ?? null;
}

/** What could not be read, by name; the latest word on each counts. */
export function unread({ jobs, refused }: Reading): Unread[] {
  const reasons = new Map<string, string>(refused);
  for (const job of jobs)
    for (const { document, reason } of job.result?.failed ?? []) reasons.set(document, reason);
  return [...reasons];
}

/** The reading with a job as it is now; added where it is new. */
export function withJob(reading: Reading, job: Job): Reading {
  const known = reading.jobs.some((one) => one.id === job.id);
  const jobs = known ? reading.jobs.map((one) => (one.id === job.id ? job : one)) : [...reading.jobs, job];
  return { ...reading, jobs };
}

/** Why pages of a site were left out, most first; links to other hosts are no pages. */
export function leftOut(job: Job | undefined): LeftOut[] {
  return Object.entries(job?.result?.left_out ?? {})
    .filter(([reason]) => reason !== "links")
    .map(([, entry]) => entry)
    .sort((one, other) => other.count - one.count);
}
