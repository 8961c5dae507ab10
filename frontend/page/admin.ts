import { send } from "../shared/api";
import { ApiError, errorOf, fieldsOf, unreachable } from "../shared/errors";
import type {
  Assistant,
  AssistantChanges,
  Job,
  PageInfo,
  Source,
  SourceStarted,
  Status,
} from "../shared/types";
import { uploadName } from "./files";

/** A file to hand in, under the path it had in its folder. */
export interface Upload {
  file: File;
  path: string;
}

export interface Accepted extends Omit<SourceStarted, "job"> {
  job: Job;
}

/** What the owner of the admin key can do from the page. */
export interface AdminApi {
  status(): Promise<Status>;
  sources(assistant: string): Promise<Source[]>;
  upload(
    assistant: string,
    files: readonly Upload[],
    sent: (share: number) => void,
    signal: AbortSignal,
  ): Promise<Accepted>;
  addAddress(assistant: string, location: string, site: boolean): Promise<Accepted>;
  /** How often a source is read by itself: `6h`, `1d`, `off`, or `default`. */
  keep(source: number, every: string): Promise<void>;
  sync(source: number): Promise<Job>;
  remove(source: number): Promise<void>;
  job(id: Job["id"]): Promise<Job>;
  cancel(id: Job["id"]): Promise<void>;
  assistant(id: string): Promise<Assistant>;
  change(id: string, fields: AssistantChanges): Promise<Assistant>;
}

export async function pageInfo(): Promise<PageInfo> {
  return (await (await send("/api/v1/page", {})).json()) as PageInfo;
}

/** Speaks to the admin interface of the server that this page came from. */
export function adminApi(key: string): AdminApi {
  const headers = { Authorization: `Bearer ${key}` };
  const call = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const response = await send(`/api/v1${path}`, {
      method,
      headers: body === undefined ? headers : { ...headers, "Content-Type": "application/json" },
      body: body === undefined ? null : JSON.stringify(body),
    });
    return response.status === 204 ? null : ((await response.json()) as unknown);
  };

  return {
    async status() {
      return (await call("GET", "/status")) as Status;
    },
    async sources(assistant) {
      const body = await call("GET", `/sources?assistant=${encodeURIComponent(assistant)}`);
      return fieldsOf(body)["sources"] as Source[];
    },
    upload(assistant, files, sent, signal) {
      const form = new FormData();
      form.append("assistant", assistant);
      for (const { file, path } of files) form.append("files", file, uploadName(path));
      return new Promise((resolve, reject) => {
        // fetch tells nothing of how much has been sent.
        const request = new XMLHttpRequest();
        request.open("POST", "/api/v1/sources/upload");
        request.setRequestHeader("Authorization", headers.Authorization);
        request.upload.onprogress = (event) => sent(event.lengthComputable ? event.loaded / event.total : 0);
        request.onerror = () => reject(unreachable());
        request.onabort = () =>
          reject(
            new ApiError(
              "stopped",
              "Stopped before everything was sent.",
              "What was read stays; remove it below if you like.",
            ),
          );
        signal.addEventListener("abort", () => request.abort());
        request.onload = () => {
          const ok = request.status >= 200 && request.status < 300;
          if (ok) resolve(JSON.parse(request.responseText) as Accepted);
          else errorOf(new Response(request.responseText, { status: request.status })).then(reject, reject);
        };
        request.send(form);
      });
    },
    async addAddress(assistant, location, site) {
      const body = { assistant, location, ...(site ? { site: {} } : {}) };
      return (await call("POST", "/sources", body)) as Accepted;
    },
    async keep(source, every) {
      await call("PATCH", `/sources/${source}`, { every });
    },
    async sync(source) {
      return fieldsOf(await call("POST", `/sources/${source}/sync`, {}))["job"] as Job;
    },
    async remove(source) {
      await call("DELETE", `/sources/${source}`);
    },
    async job(id) {
      return (await call("GET", `/jobs/${id}`)) as Job;
    },
    async cancel(id) {
      await call("POST", `/jobs/${id}/cancel`, {});
    },
    async assistant(id) {
      return (await call("GET", `/assistants/${encodeURIComponent(id)}`)) as Assistant;
    },
    async change(id, fields) {
      return (await call("PATCH", `/assistants/${encodeURIComponent(id)}`, fields)) as Assistant;
    },
  };
}
