import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ApiError, asApiError } from "../shared/errors";
import type { Job, Source, Status } from "../shared/types";
import { type AdminApi, adminApi, type Upload } from "./admin";
import { batches, sorted } from "./files";
import { going, type Reading, running, withJob } from "./reading";

export interface Knowledge {
  admin: AdminApi | null;
  readings: Reading[];
  sources: Source[] | null;
  status: Status | null;
  error: ApiError | null;
  busy: boolean;
  refresh(): void;
  upload(files: readonly Upload[]): void;
  visit(address: string, site: boolean): void;
  sync(source: Source): void;
  /** How often it is to be read by itself. */
  keep(source: Source, every: string): void;
  remove(source: Source): void;
  cancel(reading: Reading): void;
  dismiss(reading: Reading): void;
}

interface Wishes {
  key: string | null;
  assistant: string;
  forgetKey(): void;
  /** What the assistant knows has changed. */
  learned(): void;
}

const POLL_MS = 800;
const STATUS_POLL_MS = 2500;
let keys = 0;

/** What one assistant knows and is learning; does nothing until there is a key. */
export function useKnowledge({ key, assistant, forgetKey, learned }: Wishes): Knowledge {
  const [admin, setAdmin] = useState<AdminApi | null>(null);
  const [readings, setReadings] = useState<Reading[]>([]);
  const [sources, setSources] = useState<Source[] | null>(null);
  const [status, setStatus] = useState<Status | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const latest = useRef(readings);
  const sending = useRef(new Map<string, AbortController>());
  latest.current = readings;

  const failed = useCallback(
    (thrown: unknown) => {
      const problem = asApiError(thrown);
      if (problem.status === 401) forgetKey();
      setError(problem);
    },
    [forgetKey],
  );
  const update = (which: string, by: (reading: Reading) => Reading) =>
    setReadings((all) => all.map((one) => (one.key === which ? by(one) : one)));
  const add = (fields: Partial<Reading>): string => {
    const which = `reading-${++keys}`;
    const fresh = { key: which, title: "Reading", sent: 1, jobs: [], leftOut: [], refused: [], error: null };
    setReadings((all) => [...all, { ...fresh, ...fields }]);
    return which;
  };

  useEffect(() => setAdmin(key === null ? null : adminApi(key)), [key]);

  const refresh = useCallback(() => {
    if (!admin) return;
    Promise.all([admin.sources(assistant), admin.status()]).then(([list, now]) => {
      setSources(list);
      setStatus(now);
      setError(null);
      const known = new Set(latest.current.flatMap((one) => one.jobs.map((job) => job.id)));
      const handingIn = latest.current.some(
        (one) => one.error === null && (one.sent < 1 || one.jobs.length === 0),
      );
      if (!handingIn)
        for (const job of now.jobs as Job[]) if (running(job) && !known.has(job.id)) add({ jobs: [job] });
    }, failed);
  }, [admin, assistant, failed]);
  useEffect(refresh, [refresh]);

  const busy = readings.some(going);
  useEffect(() => {
    if (!admin || !busy) return;
    const poll = () => {
      for (const reading of latest.current)
        for (const job of reading.jobs.filter(running))
          admin.job(job.id).then((now) => {
            update(reading.key, (one) => withJob(one, now));
            if (running(now)) return;
            refresh();
            learned();
          }, failed);
    };
    const timer = setInterval(poll, POLL_MS);
    return () => clearInterval(timer);
  }, [admin, busy, refresh, learned]);

  const embedding = status !== null && status.vectors.done < status.vectors.total;
  useEffect(() => {
    if (!admin || !(busy || embedding)) return;
    const timer = setInterval(() => document.hidden || refresh(), STATUS_POLL_MS);
    return () => clearInterval(timer);
  }, [admin, busy, embedding, refresh]);

  const passages = status?.assistants.find((one) => one.id === assistant)?.passages ?? 0;
  useEffect(() => {
    if (passages > 0) learned();
  }, [passages > 0]);

  const began = (which: string, job: Job) => {
    update(which, (one) => withJob(one, job));
    refresh();
    learned();
  };
  const broke = (which: string, thrown: unknown) => {
    const problem = asApiError(thrown);
    if (problem.status === 401) forgetKey();
    update(which, (one) => ({ ...one, error: problem, sent: 1 }));
  };

  const uploadAll = async (api: AdminApi, which: string, files: readonly Upload[]) => {
    const total = files.reduce((sum, { file }) => sum + file.size, 1);
    const stop = new AbortController();
    sending.current.set(which, stop);
    let before = 0;
    for (const batch of batches(files)) {
      const size = batch.reduce((sum, { file }) => sum + file.size, 0);
      try {
        const sent = (share: number) =>
          update(which, (one) => ({ ...one, sent: Math.min(0.999, (before + share * size) / total) }));
        const { job } = await api.upload(assistant, batch, sent, stop.signal);
        began(which, job);
      } catch (thrown) {
        const problem = asApiError(thrown);
        const [only, ...others] = batch;
        if (
          !only ||
          others.length > 0 ||
          batch.length === files.length ||
          problem.status === 401 ||
          stop.signal.aborted
        )
          throw problem;
        const refusal = [only.path, `${problem.message} ${problem.hint ?? ""}`] as const;
        update(which, (one) => ({ ...one, refused: [...one.refused, refusal] }));
      }
      before += size;
    }
    update(which, (one) => ({ ...one, sent: 1 }));
  };

  return {
    admin,
    readings,
    sources,
    status,
    error,
    busy,
    refresh,
    upload(all) {
      if (!admin) return;
      const { files, leftOut } = sorted(all);
      if (files.length === 0) {
        const hint = "Give it Markdown, HTML, PDF, Word (.docx), text, CSV or JSONL files.";
        add({
          title: "Files",
          leftOut,
          error: new ApiError("nothing", "None of these files can be read.", hint),
        });
        return;
      }
      const which = add({ title: titleOf(files), leftOut, sent: 0 });
      uploadAll(admin, which, files)
        .catch((thrown: unknown) => broke(which, thrown))
        .finally(() => sending.current.delete(which));
    },
    visit(address, site) {
      if (!admin) return;
      const location = /^([a-z][a-z0-9+.-]*:|\/)/i.test(address) ? address : `https://${address}`;
      const which = add({ title: location });
      admin.addAddress(assistant, location, site).then(
        ({ job }) => began(which, job),
        (thrown: unknown) => broke(which, thrown),
      );
    },
    sync(source) {
      if (!admin) return;
      const which = add({ title: source.title || source.location });
      admin.sync(source.id).then(
        (job) => began(which, job),
        (thrown: unknown) => broke(which, thrown),
      );
    },
    keep(source, every) {
      admin?.keep(source.id, every).then(refresh, failed);
    },
    remove(source) {
      admin?.remove(source.id).then(() => {
        refresh();
        learned();
      }, failed);
    },
    cancel(reading) {
      sending.current.get(reading.key)?.abort();
      for (const job of reading.jobs.filter(running)) admin?.cancel(job.id).catch(failed);
    },
    dismiss(reading) {
      setReadings((all) => all.filter((one) => one.key !== reading.key));
    },
  };
}

function titleOf(files: readonly Upload[]): string {
  const first = files[0]?.path ?? "";
  const folder = first.includes("/") ? first.slice(0, first.indexOf("/") + 1) : null;
  if (files.length === 1) return first;
  return folder !== null && files.every(({ path }) => path.startsWith(folder))
    ? `${folder} (${files.length} files)`
    : `${files.length} files`;
}
