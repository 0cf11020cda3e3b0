/** POST for webhooks: answers within a time, never follows a redirect, reads nothing of the answer but its status. */

const TIMEOUT_MS = 10_000;

/** Rejects with a short message where no status came. */
export async function post(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: string,
  signal: AbortSignal,
): Promise<number> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers,
      body,
      redirect: 'manual',
      signal: AbortSignal.any([signal, timeout]),
    });
    await response.body?.cancel();
    return response.status;
  } catch (error) {
    if (timeout.aborted) throw new Error(`no answer within ${TIMEOUT_MS} ms`);
    const cause = (error as Error).cause as { readonly code?: string } | undefined;
    throw new Error(cause?.code ?? (error as Error).message);
  }
}
