/** npm run admin -- model ...: which versions of the model there are, and which scores. */
import { resolve } from 'node:path';
import { KinewatchError } from '../../contracts/errors.ts';
import type { Model } from '../../rest/ports.ts';
import { readModelPackage } from '../../score/model-package.ts';
import { admitModel } from '../../shard/admit-model.ts';
import { UsageError, type Command } from './command.ts';

const STATUS_OF = { activate: 'active', shadow: 'shadow', retire: 'retired' } as const;

/** The command after the word `model`. @throws UsageError */
export function readModelCommand([name, argument, ...rest]: readonly string[], by: string): Command {
  if (rest.length > 0 || (name === 'list' && argument !== undefined)) throw new UsageError('too many arguments');
  if (name === 'list') return list;
  if (name === undefined || (name !== 'register' && !Object.hasOwn(STATUS_OF, name)))
    throw new UsageError(`there is no command model ${name ?? ''}`.trim());
  if (argument === undefined) throw new UsageError(name === 'register' ? 'model register needs a folder' : `model ${name} needs a version`);
  return name === 'register' ? register(argument, by) : setStatus(argument, STATUS_OF[name as keyof typeof STATUS_OF], by);
}

const line = ({ version, status, sha256, registeredAt, registeredBy, activatedAt }: Model): string =>
  `${version}  ${status}  sha256 ${sha256.slice(0, 12)}  registered ${registeredAt} by ${registeredBy}${activatedAt === null ? '' : `, last activated ${activatedAt}`}`;

const list: Command = async (_repositories, models) => {
  const all = await models.list();
  return {
    lines: all.length === 0 ? ['No model is registered: the first start of the service does it'] : all.map(line),
    result: { models: all },
  };
};

/** Read, checked and tried before the database is asked: a model that does not fit is never in the registry. */
function register(directory: string, by: string): Command {
  return async (_repositories, models) => {
    const found = readModelPackage(resolve(directory));
    await admitModel(found.contract, found.graph);
    const model = await models.register(found, by);
    return {
      lines: [line(model), ...found.leftOut, `It scores nothing yet: model shadow ${model.version}, or model activate ${model.version}`],
      result: { ...model, leftOut: found.leftOut },
    };
  };
}

function setStatus(version: string, to: 'active' | 'shadow' | 'retired', by: string): Command {
  return async (_repositories, models) => {
    const model = await models.setStatus(version, to, by);
    if (model === null) throw new KinewatchError('unknown-model', `there is no model ${version} in the registry: model list shows them`);
    return { lines: (await models.list()).map(line), result: { ...model } };
  };
}
