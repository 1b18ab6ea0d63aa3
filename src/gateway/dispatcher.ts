/** Which file handles which message, and in which phase of a connection it may come. */
import type { Session } from './session.ts';
import { onBye } from './messages/bye.ts';
import { onDataFrame } from './messages/data-frame.ts';
import { onHello } from './messages/hello.ts';
import { onSamples } from './messages/samples.ts';
import { onSenml } from './messages/senml.ts';
import { onTime } from './messages/time.ts';
import { byeValidator, firstFault } from './messages/validators.ts';

type TextHandler = (session: Session, message: unknown, textBytes: number) => void;

const onCheckedBye: TextHandler = (session, message) => {
  if (byeValidator.Check(message)) onBye(session);
  else session.fail('invalid-message', `bye: ${firstFault(byeValidator, message)}`);
};

const BEFORE_WELCOME: ReadonlyMap<unknown, TextHandler> = new Map<unknown, TextHandler>([
  ['hello', onHello],
  ['time', onTime],
  ['bye', onCheckedBye],
]);
const ALWAYS: ReadonlyMap<unknown, TextHandler> = new Map([...BEFORE_WELCOME, ['samples', onSamples], ['senml', onSenml]]);

function parse(text: Buffer): unknown {
  try {
    return JSON.parse(text.toString('utf8'));
  } catch {
    return undefined;
  }
}

const typeOf = (message: unknown): unknown =>
  typeof message === 'object' && message !== null && 'type' in message ? message.type : undefined;

function onText(session: Session, text: Buffer): void {
  const message = parse(text);
  if (message === undefined) {
    session.fail('invalid-json', 'the text message is not JSON');
    return;
  }
  const type = typeOf(message);
  const handler = ALWAYS.get(type);
  if (handler === undefined)
    session.fail('invalid-message', `no message of type ${JSON.stringify(type)?.slice(0, 40) ?? 'undefined'} is known`);
  else if (session.phase !== 'open' && !BEFORE_WELCOME.has(type)) session.fail('hello-expected', `${String(type)} came before the welcome`);
  else handler(session, message, text.length);
}

/** Entry of every message. Synchronous: what a message needs to wait for, its handler starts and does not await. */
export function dispatch(session: Session, data: Buffer, isBinary: boolean): void {
  session.heard = true;
  if (session.phase === 'closed' || session.phase === 'leaving') session.settings.metrics.droppedAfterClose += 1;
  else if (!isBinary) onText(session, data);
  else if (session.phase === 'open') onDataFrame(session, data);
  else session.fail('hello-expected', 'a data frame came before the welcome');
}
