import { defineConfig } from "vitest/config";

const OUT = "../freehold/web/static";

/** Two builds into one folder: the page (module + stylesheet) and the widget (one classic script). */
export default defineConfig(({ mode }) => {
  const common = {
    jsx: { runtime: "automatic" as const, importSource: "preact" },
  };
  if (mode === "widget") {
    return {
      oxc: common,
      publicDir: false,
      build: {
        outDir: OUT,
        emptyOutDir: false,
        target: "es2022",
        lib: { entry: "widget/main.tsx", formats: ["iife"], name: "freehold", fileName: () => "widget.js" },
      },
    };
  }
  return {
    oxc: common,
    root: "page",
    publicDir: false,
    build: {
      outDir: `../${OUT}`,
      emptyOutDir: true,
      target: "es2022",
      modulePreload: { polyfill: false },
      cssCodeSplit: false,
      assetsInlineLimit: 0,
      rolldownOptions: {
        output: {
          entryFileNames: "assets/page.js",
          assetFileNames: "assets/page[extname]",
          codeSplitting: false,
        },
      },
    },
    // the limit is for tests that hang; on a busy machine even a short one may wait seconds for a core
    test: { root: ".", include: ["tests/**/*.test.{ts,tsx}"], testTimeout: 60_000 },
  };
});
