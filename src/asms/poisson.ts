/** The exact interval of a Poisson count (Garwood 1936). Pure. */

/** ln n!, by adding: counts are those of a squad. */
function lnFactorial(n: number): number {
  let sum = 0;
  for (let k = 2; k <= n; k += 1) sum += Math.log(k);
  return sum;
}

/** P(X <= n) of a Poisson variable of mean `mu` above 0. Terms are added from the largest index down, until they no longer count. */
function poissonCdf(n: number, mu: number, lnFactorialN: number): number {
  if (n < 0) return 0;
  let term = Math.exp(n * Math.log(mu) - mu - lnFactorialN);
  let sum = 0;
  for (let k = n; k >= 0; k -= 1) {
    sum += term;
    // Below the mean terms only shrink from here.
    if (k < mu && term < sum * 1e-17) break;
    term *= k / mu;
  }
  return Math.min(1, sum);
}

/** Where a function that falls from above to below `target` meets it. */
function meet(fall: (mu: number) => number, target: number, high: number): number {
  let [below, above] = [0, high];
  for (let i = 0; i < 200 && above - below > 1e-14 * above; i += 1) {
    const middle = (below + above) / 2;
    if (fall(middle) > target) below = middle;
    else above = middle;
  }
  return (below + above) / 2;
}

export interface Interval {
  readonly lower: number;
  readonly upper: number;
}

/**
 * The means between which a count lies with the confidence given, each tail at most half of what is left (0.95: 2.5 % each). The lower one is 0 for a count
 * of 0.
 * @throws RangeError where the count is no whole number of 0 or more, or the confidence is not between 0 and 1
 */
export function poissonInterval(count: number, confidence = 0.95): Interval {
  if (!Number.isInteger(count) || count < 0) throw new RangeError(`${count} is no count`);
  if (!(confidence > 0 && confidence < 1)) throw new RangeError(`confidence ${confidence}`);
  const tail = (1 - confidence) / 2;
  // Twelve standard deviations and some: beyond any tail a double can tell.
  const high = count + 12 * Math.sqrt(count + 1) + 40;
  const [own, before] = [lnFactorial(count), lnFactorial(Math.max(0, count - 1))];
  return {
    lower: count === 0 ? 0 : meet((mu) => poissonCdf(count - 1, mu, before), 1 - tail, high),
    upper: meet((mu) => poissonCdf(count, mu, own), tail, high),
  };
}
