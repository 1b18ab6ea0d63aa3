import * as fc from 'fast-check';

/**
 * Property tests draw the same cases on every run, so that a red run can be had again. KINEWATCH_PROPERTY_SEED draws others,
 * KINEWATCH_PROPERTY_RUNS says how many a property is given (tests that name a number of their own keep it).
 */
fc.configureGlobal({
  seed: Number(process.env.KINEWATCH_PROPERTY_SEED ?? 1),
  numRuns: Number(process.env.KINEWATCH_PROPERTY_RUNS ?? 100),
});
