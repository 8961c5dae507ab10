import { useCallback, useEffect, useState } from "preact/hooks";
import type { ChatApi } from "./api";
import { type ApiError, asApiError } from "./errors";
import type { Memory } from "./memory";
import type { AssistantInfo } from "./types";

interface Info {
  info: AssistantInfo | null;
  error: ApiError | null;
  reload(): void;
}

/** The assistant's name, greeting and suggestions: at once from this tab's memory, then as they are now. */
export function useInfo(api: ChatApi, tab: Memory): Info {
  const [info, setInfo] = useState<AssistantInfo | null>(() => remembered(tab));
  const [error, setError] = useState<ApiError | null>(null);

  const reload = useCallback(() => {
    setError(null);
    api.info().then(
      (fresh) => {
        setInfo(fresh);
        tab.set("info", JSON.stringify(fresh));
      },
      (thrown: unknown) => setError(asApiError(thrown)),
    );
  }, [api, tab]);

  useEffect(() => {
    setInfo(remembered(tab));
    reload();
  }, [reload]);

  return { info, error, reload };
}

function remembered(tab: Memory): AssistantInfo | null {
  try {
    return JSON.parse(tab.get("info") ?? "null") as AssistantInfo | null;
  } catch {
    return null;
  }
}
