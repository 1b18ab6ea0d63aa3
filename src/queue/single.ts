/** Runs one at a time: a call while one is running shares it. */
export function single(work: () => Promise<void>): { run(): Promise<void>; idle(): Promise<void> } {
  let running: Promise<void> | null = null;
  const run = (): Promise<void> => {
    running ??= work().finally(() => {
      running = null;
    });
    return running;
  };
  return { run, idle: () => running ?? Promise.resolve() };
}
