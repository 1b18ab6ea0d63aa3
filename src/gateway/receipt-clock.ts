/**
 * The clock that stamps what arrives. Receipt stamps order frames and hellos within a process, so two of them are never equal and none goes back,
 * even where the wall clock does: it then advances by one microsecond a call until the wall clock has caught up.
 *
 * @param nowUs wall clock, microseconds since the epoch; fractions are cut. A reading that is not finite is ignored.
 * @param afterUs the first stamp lies above it: the newest stamp of the process before, in case the wall clock was set back in between
 * @returns a function that gives the next stamp, an integer in microseconds
 */
export function createReceiptClock(nowUs: () => number, afterUs = 0): () => number {
  let last = afterUs;
  return () => {
    const now = Math.floor(nowUs());
    last = Number.isSafeInteger(now) && now > last ? now : last + 1;
    return last;
  };
}
