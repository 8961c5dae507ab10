import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ApiError, asApiError } from "../shared/errors";
import type { Job, Source, Status } from "../shared/types";
import { type AdminApi, adminApi, type Upload } from "./admin";
import { sorted } from "./files";

/** One thing being read, from the first byte sent to the last document. */
export interface Reading {
  key: string;
  title: string;
  /** Share of the upload that has been sent, 0 to 1; 1 where nothing is uploaded. */
  sent: number;
  job: Job | null;
  leftOut: string[];
  error: ApiError | null;
}

export interface Knowledge {
  admin: AdminApi | null;
  readings: Reading[];
  sources: Source[] | null;
  status: Status | null;
  error: ApiError | null;
  busy: boolean;
  refresh(): void;
  upload(files: readonly Upload[]): void;
  visit(address: string): void;
  sync(source: Source): void;
  remove(source: Source): void;
  cancel(reading: Reading): void;
  dismiss(reading: Reading): void;
}

const POLL_MS = 800;
const VECTORS_POLL_MS = 3000;
let keys = 0;

export const running = (job: Job | null) => job !== null && (job.state === "queued" || job.state === "running");

/** What one assistant knows and is learning; does nothing until there is a key. */
export function useKnowledge(key: string | null, assistant: string, forgetKey: () => void, learned: () => void): Knowledge {
  const [admin, setAdmin] = useState<AdminApi | null>(null);
  const [readings, setReadings] = useState<Reading[]>([]);
  const [sources, setSources] = useState<Source[] | null>(null);
  const [status, setStatus] = useState<Status | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const latest = useRef(readings);
  latest.current = readings;

  const failed = useCallback(
    (thrown: unknown) => {
      const problem = asApiError(thrown);
      if (problem.status === 401) forgetKey();
      setError(problem);
    },
    [forgetKey],
  );

  useEffect(() => setAdmin(key === null ? null : adminApi(key)), [key]);

  const update = (which: string, fields: Partial<Reading>) =>
    setReadings((all) => all.map((one) => (one.key === which ? { ...one, ...fields } : one)));

  const refresh = useCallback(() => {
    if (!admin) return;
    Promise.all([admin.sources(assistant), admin.status()]).then(([list, now]) => {
      setSources(list);
      setStatus(now);
      setError(null);
      const known = new Set(latest.current.map((one) => one.job?.id));
      const fresh = now.jobs.filter((job) => running(job) && !known.has(job.id));
      if (fresh.length > 0)
        setReadings((all) => [
          ...all,
          ...fresh.map((job) => ({ key: `job-${job.id}`, title: "Reading", sent: 1, job, leftOut: [], error: null })),
        ]);
    }, failed);
  }, [admin, assistant]);

  useEffect(refresh, [refresh]);

  const active = readings.filter((one) => running(one.job)).map((one) => one.key);
  useEffect(() => {
    if (!admin || active.length === 0) return;
    const timer = setInterval(() => {
      for (const one of latest.current) {
        if (!one.job || !running(one.job)) continue;
        admin.job(one.job.id).then(
          (job) => {
            update(one.key, { job });
            if (running(job)) return;
            refresh();
            learned();
          },
          (thrown: unknown) => failed(thrown),
        );
      }
    }, POLL_MS);
    return () => clearInterval(timer);
  }, [admin, active.join()]);

  const embedding = status !== null && status.vectors.done < status.vectors.total;
  useEffect(() => {
    if (!admin || !embedding) return;
    const timer = setInterval(() => admin.status().then(setStatus, failed), VECTORS_POLL_MS);
    return () => clearInterval(timer);
  }, [admin, embedding]);

  const begin = (title: string, sent: number, leftOut: string[] = []): string => {
    const which = `reading-${++keys}`;
    setReadings((all) => [...all, { key: which, title, sent, job: null, leftOut, error: null }]);
    return which;
  };
  const follow = (which: string, work: Promise<{ job: Job }>) =>
    work.then(
      ({ job }) => {
        update(which, { job, sent: 1 });
        refresh();
      },
      (thrown: unknown) => {
        const problem = asApiError(thrown);
        if (problem.status === 401) forgetKey();
        update(which, { error: problem, sent: 1 });
      },
    );

  return {
    admin,
    readings,
    sources,
    status,
    error,
    busy: readings.some((one) => one.error === null && (one.job === null || running(one.job))),
    refresh,
    upload(all) {
      if (!admin) return;
      const { files, leftOut } = sorted(all);
      const which = begin(titleOf(files, leftOut), 0, leftOut);
      if (files.length === 0) {
        const hint = "Give it Markdown, HTML, PDF, Word (.docx), text, CSV or JSONL files.";
        update(which, { sent: 1, error: new ApiError("nothing", "None of these files can be read.", hint) });
        return;
      }
      void follow(which, admin.upload(assistant, files, (sent) => update(which, { sent })));
    },
    visit(address) {
      if (!admin) return;
      const location = /^[a-z][a-z0-9+.-]*:/i.test(address) ? address : `https://${address}`;
      void follow(begin(location, 1), admin.addAddress(assistant, location));
    },
    sync(source) {
      if (!admin) return;
      void follow(
        begin(source.title || source.location, 1),
        admin.sync(source.id).then((job) => ({ job })),
      );
    },
    remove(source) {
      admin?.remove(source.id).then(() => {
        refresh();
        learned();
      }, failed);
    },
    cancel(reading) {
      if (reading.job) admin?.cancel(reading.job.id).catch(failed);
    },
    dismiss(reading) {
      setReadings((all) => all.filter((one) => one.key !== reading.key));
    },
  };
}

function titleOf(files: readonly Upload[], leftOut: readonly string[]): string {
  const first = files[0]?.path ?? leftOut[0] ?? "files";
  const folder = first.includes("/") ? first.slice(0, first.indexOf("/")) : null;
  if (files.length <= 1) return first;
  return folder !== null && files.every(({ path }) => path.startsWith(`${folder}/`))
    ? `${folder} (${files.length} files)`
    : `${files.length} files`;
}
