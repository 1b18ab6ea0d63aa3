/** Progress of a long command on stderr: one line redrawn on a terminal, a line every tenth elsewhere. */
export interface Progress {
  update(done: number, note?: string): void;
  finish(): void;
}

export function createProgress(label: string, total: number, stream: NodeJS.WriteStream = process.stderr): Progress {
  const tty = stream.isTTY;
  let shownTenth = 0;
  let drawnMs = 0;
  return {
    update: (done, note = '') => {
      const text = `${label} ${done}/${total}${note === '' ? '' : `, ${note}`}`;
      if (tty) {
        const nowMs = performance.now();
        if (nowMs - drawnMs < 100 && done < total) return;
        drawnMs = nowMs;
        stream.write(`\r\u001B[2K${text}`);
        return;
      }
      const tenth = Math.floor((10 * done) / total);
      if (tenth === shownTenth) return;
      shownTenth = tenth;
      stream.write(`${text}\n`);
    },
    finish: () => {
      if (tty) stream.write('\n');
    },
  };
}
