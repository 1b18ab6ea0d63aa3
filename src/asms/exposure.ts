/** What a session counts as where injuries are set against hours (IOC consensus, Bahr 2020): competition, training, or neither. */
export const EXPOSURES = ['match', 'training', 'other'] as const;
export type Exposure = (typeof EXPOSURES)[number];

/** What staff set, or what the type says: rehabilitation, tests and recordings are neither match nor training. */
export const exposureOf = (type: string, stated: string | null): Exposure =>
  EXPOSURES.find((one) => one === stated) ?? (type === 'match' || type === 'training' ? type : 'other');
