/** `/api/v1/metadata`: what is said of the measurements of a database and of their series, as JSON. */
import { type Engine, EngineError, type MetadataRequest } from '../engine.ts';
import { type Exchange, replyEmpty, replyError, replyJson } from './exchange.ts';

/** Longest body; a document may be shorter. */
export const METADATA_BYTES_MAX = 256 * 1024;

export async function metadata(exchange: Exchange, engine: Engine): Promise<void> {
  const { request, parameters, user } = exchange;
  const asked: MetadataRequest = {
    user,
    database: parameters.get('db') ?? '',
    measurement: parameters.get('measurement'),
    series: parameters.get('series'),
  };
  if (request.method === 'PUT') {
    const said = parsed(await request.body(METADATA_BYTES_MAX));
    await engine.setMetadata(asked, said);
    replyEmpty(exchange, 204);
  } else if (asked.database === '') replyError(exchange, 400, 'database is required');
  else replyJson(exchange, 200, { metadata: await engine.metadata(asked) });
}

// private functions

function parsed(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch (error) {
    throw new EngineError('bad frame', `body is not JSON: ${(error as Error).message}`);
  }
}
