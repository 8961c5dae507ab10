import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { ChatApi } from "./api";
import { type ApiError, asApiError } from "./errors";
import type { Memory } from "./memory";
import type { AssistantInfo } from "./types";

interface Info {
  info: AssistantInfo | null;
  error: ApiError | null;
  reload(): void;
}

const AGAIN_MS = 2500;
const MOST_TIMES = 12;

/**
 * The assistant's name, greeting and suggestions: at once from this tab's memory, then as they are now.
 * With `patient` it looks again while there are no suggestions: documents may still be read.
 */
export function useInfo(api: ChatApi, tab: Memory, patient = false): Info {
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

  const times = useRef(0);
  useEffect(() => {
    if (!patient || info === null || info.suggestions.length > 0 || times.current >= MOST_TIMES) return;
    const timer = setTimeout(() => {
      times.current++;
      reload();
    }, AGAIN_MS);
    return () => clearTimeout(timer);
  }, [info, patient, reload]);

  return { info, error, reload };
}

function remembered(tab: Memory): AssistantInfo | null {
  try {
    return JSON.parse(tab.get("info") ?? "null") as AssistantInfo | null;
  } catch {
    return null;
  }
}
