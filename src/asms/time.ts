/** 24 hours in microseconds; a day of a team's calendar may be an hour longer or shorter (team-days.ts). */
export const US_PER_DAY = 86_400e6;
