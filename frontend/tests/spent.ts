/// <reference types="node" />

import process from "node:process";

/** Milliseconds of processor time that `work` takes: unlike time on the wall, nothing else on the machine adds to it. */
export function spent(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
