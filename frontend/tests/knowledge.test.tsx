// @vitest-environment jsdom
import { type ComponentChild, render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { AddKnowledge } from "../page/AddKnowledge";
import { adminApi } from "../page/admin";
import { Freshness } from "../page/Freshness";
import { leftOut } from "../page/reading";
import { Readings } from "../page/Readings";
import { ago, ahead, CHOICES, span } from "../page/times";
import type { Job, Source } from "../shared/types";

const NOW = 1_800_000_000;
let root: HTMLElement;

beforeEach(() => {
  vi.useFakeTimers({ now: NOW * 1000, toFake: ["Date"] });
  root = document.body.appendChild(document.createElement("div"));
});
afterEach(() => {
  render(null, root);
  root.remove();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const show = (what: ComponentChild) => act(() => render(what, root));
const one = <T extends Element>(selector: string): T => {
  const [found, ...others] = root.querySelectorAll<T>(selector);
  if (!found || others.length > 0) throw new Error(`not exactly one ${selector}`);
  return found;
};

const changes = { added: 0, changed: 0, removed: 0, unchanged: 3, skipped: 0, failed: 0 };

function source(freshness: Partial<Source["freshness"]> = {}, fields: Partial<Source> = {}): Source {
  return {
    id: 7,
    assistant: "default",
    kind: "site",
    location: "https://shop.example/help/",
    title: "Help",
    state: "ready",
    error: null,
    documents: 3,
    passages: 9,
    failed: 0,
    created_at: NOW - 9000,
    synced_at: NOW - 7200,
    site: { pages: null, depth: null, delay: null },
    ...fields,
    freshness: {
      every: "6h",
      every_seconds: 21_600,
      read_at: NOW - 7200,
      tried_at: NOW - 7200,
      due_at: NOW + 14_400,
      stale: false,
      failures: 0,
      changes,
      ...freshness,
    },
  };
}

function job(left_out: unknown): Job {
  return {
    id: "job_1",
    kind: "sync",
    state: "done",
    progress: { done: 3, total: 3, current: "" },
    result: { added: 3, changed: 0, removed: 0, unchanged: 0, failed: [], left_out },
    error: null,
    created_at: NOW,
    updated_at: NOW,
  } as unknown as Job;
}

describe("the address form", () => {
  const submit = () =>
    act(() => void one("form").dispatchEvent(new Event("submit", { bubbles: true, cancelable: true })));
  const type = (text: string) =>
    act(() => {
      const field = one<HTMLInputElement>("input[type=text]");
      field.value = text;
      field.dispatchEvent(new Event("input", { bubbles: true }));
    });
  const tick = () => act(() => one<HTMLInputElement>("input[type=checkbox]").click());

  it("reads one page unless the whole site is wished for", () => {
    const visit = vi.fn();
    show(<AddKnowledge disabled={false} take={vi.fn()} visit={visit} />);
    expect(one<HTMLInputElement>("input[type=checkbox]").checked).toBe(false);
    expect(one("[type=submit]").textContent).toBe("Read this address");
    type(" shop.example/help ");
    submit();
    expect(visit.mock.calls).toEqual([["shop.example/help", false]]);
    expect(one<HTMLInputElement>("input[type=text]").value).toBe("");
  });

  it("follows links where the box is ticked, and says so on the button", () => {
    const visit = vi.fn();
    show(<AddKnowledge disabled={false} take={vi.fn()} visit={visit} />);
    tick();
    expect(one("[type=submit]").textContent).toBe("Read this site");
    type("https://shop.example/help/");
    submit();
    tick();
    type("https://shop.example/prices");
    submit();
    expect(visit.mock.calls).toEqual([
      ["https://shop.example/help/", true],
      ["https://shop.example/prices", false],
    ]);
  });

  it("asks for nothing without an address", () => {
    const visit = vi.fn();
    show(<AddKnowledge disabled={false} take={vi.fn()} visit={visit} />);
    tick();
    type("   ");
    submit();
    expect(visit).not.toHaveBeenCalled();
  });

  it("names its field also where the page holds it twice", () => {
    const form = <AddKnowledge disabled={false} take={vi.fn()} visit={vi.fn()} />;
    show(
      <>
        <div hidden>{form}</div>
        <div>{form}</div>
      </>,
    );
    const fields = [...root.querySelectorAll<HTMLInputElement>("input[type=text]")];
    expect(fields.map((each) => each.labels?.[0]?.textContent)).toEqual([
      "Web address of a page, a sitemap or a site",
      "Web address of a page, a sitemap or a site",
    ]);
    expect(fields.map((each) => each.labels?.length)).toEqual([1, 1]);
  });

  it("names its box by its words", () => {
    show(<AddKnowledge disabled={false} take={vi.fn()} visit={vi.fn()} />);
    const box = one<HTMLInputElement>("input[type=checkbox]");
    expect(box.labels?.[0]?.textContent).toContain("Follow its links and read the whole site");
  });
});

describe("adminApi", () => {
  const answer = (body: unknown) => {
    const fetching = vi.fn<typeof fetch>(() => Promise.resolve(new Response(JSON.stringify(body))));
    vi.stubGlobal("fetch", fetching);
    return fetching;
  };
  const sent = (fetching: ReturnType<typeof answer>) => {
    const [url, init] = fetching.mock.calls[0] ?? [];
    return [init?.method, url, JSON.parse(String(init?.body)) as unknown];
  };

  it.each([
    [true, { assistant: "default", location: "https://shop.example/", site: {} }],
    [false, { assistant: "default", location: "https://shop.example/" }],
  ])("wishes for the site: %j", async (site, body) => {
    const fetching = answer({ source: source(), job: job({}) });
    await adminApi("key").addAddress("default", "https://shop.example/", site);
    expect(sent(fetching)).toEqual(["POST", "/api/v1/sources", body]);
  });

  it("sends the interval alone", async () => {
    const fetching = answer(source());
    await adminApi("key").keep(7, "1d");
    expect(sent(fetching)).toEqual(["PATCH", "/api/v1/sources/7", { every: "1d" }]);
  });
});

describe("Freshness", () => {
  const options = () => [...one<HTMLSelectElement>("select").options].map(({ value }) => value);

  it("shows when it was read, what that changed, and when it is read next", () => {
    show(<Freshness source={source({ changes: { ...changes, added: 2, removed: 1 } })} keep={vi.fn()} />);
    expect(root.textContent).toContain("Read 2 hours ago: 2 added, 1 removed");
    expect(root.textContent).toContain("next in 4 hours");
    expect(root.textContent).not.toContain("Out of date");
    expect(one<HTMLSelectElement>("select").value).toBe("6h");
    expect(one("select").getAttribute("aria-label")).toBe("How often to read Help again");
  });

  it("hands on what is chosen, for its source", () => {
    const keep = vi.fn();
    const shown = source();
    show(<Freshness source={shown} keep={keep} />);
    act(() => {
      const select = one<HTMLSelectElement>("select");
      select.value = "off";
      select.dispatchEvent(new Event("change", { bubbles: true }));
    });
    expect(keep.mock.calls).toEqual([[shown, "off"]]);
  });

  it("keeps an interval in view that is none of the usual", () => {
    show(<Freshness source={source({ every: "30m" })} keep={vi.fn()} />);
    expect(options()).toEqual([...CHOICES.map(([value]) => value), "30m"]);
    expect(one<HTMLSelectElement>("select").value).toBe("30m");
    show(<Freshness source={source({ every: "1d" })} keep={vi.fn()} />);
    expect(options()).toEqual(CHOICES.map(([value]) => value));
    expect(one<HTMLSelectElement>("select").value).toBe("1d");
  });

  it("says what is amiss", () => {
    show(
      <Freshness
        source={source({ stale: true, failures: 3, read_at: null, changes: null })}
        keep={vi.fn()}
      />,
    );
    for (const words of ["Not read yet", "Out of date", "failed 3 times in a row"])
      expect(root.textContent).toContain(words);
  });

  it("asks no such thing of uploaded files", () => {
    show(<Freshness source={source({}, { kind: "upload" })} keep={vi.fn()} />);
    expect(root.textContent).toBe("");
  });
});

describe("spans of time", () => {
  it.each([
    [0, "less than a minute"],
    [59, "less than a minute"],
    [60, "1 minute"],
    [7199, "1 hour"],
    [7200, "2 hours"],
    [86_400, "1 day"],
    [2_000_000, "23 days"],
  ])("%d seconds are %s", (seconds, words) => expect(span(seconds)).toBe(words));
  it("look back and ahead", () =>
    expect([ago(5), ago(3600), ahead(-1), ahead(3600)]).toEqual([
      "just now",
      "1 hour ago",
      "soon",
      "in 1 hour",
    ]));
});

describe("what a crawl left out", () => {
  const report = {
    robots: { why: "robots.txt asks not to", count: 4, examples: ["https://shop.example/private/<b>"] },
    soft_404: { why: "says that it does not exist", count: 1200, examples: ["https://shop.example/gone"] },
    links: { why: "links to other hosts", count: 9000, examples: ["https://elsewhere.example/"] },
  };
  const reading = (left_out: unknown) => ({
    key: "reading-1",
    title: "Help",
    sent: 1,
    jobs: [job(left_out)],
    leftOut: [],
    refused: [],
    error: null,
  });
  const shown = (left_out: unknown) =>
    show(<Readings readings={[reading(left_out)]} cancel={vi.fn()} dismiss={vi.fn()} />);

  it("is told by reason, most first, without links to elsewhere", () =>
    expect(leftOut(job(report)).map(({ count }) => count)).toEqual([1200, 4]));

  it("is counted, with an example of each, as text", () => {
    shown(report);
    expect(one(".left-out summary").textContent).toBe("1,204 pages left out");
    expect([...root.querySelectorAll(".left-out li")].map((each) => each.textContent)).toEqual([
      "1,200: says that it does not exist such as https://shop.example/gone",
      "4: robots.txt asks not to such as https://shop.example/private/<b>",
    ]);
    expect(root.querySelector(".left-out b")).toBeNull();
  });

  it.each([[{}], [undefined], [{ links: report.links }]])("is silent with %j", (nothing) => {
    shown(nothing);
    expect(root.querySelector(".left-out")).toBeNull();
    expect(root.textContent).toContain("Read. 3 added.");
  });
});
