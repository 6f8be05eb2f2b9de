import { urlSource } from '@inverseform/backbones'

export interface DownloadOptions {
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
  /** Called with the bytes there are and, where the server announces it, their number in all. */
  readonly onProgress?: (loaded: number, total?: number) => void
}

/**
 * The bytes of a URL in one request: a checkpoint is needed whole, and hundreds of ranges of it would take longer.
 * @throws `not-found`, `unreadable`, `limit-exceeded`; the signal's reason when it is aborted
 */
export async function download(
  url: string,
  { headers, signal, onProgress }: DownloadOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  async function fetchWhole(_: unknown, init?: RequestInit): Promise<Response> {
    const response = await fetch(url, { headers, signal: init?.signal })
    if (!response.ok || !response.body) return response
    const announced = response.headers.get('content-encoding')
      ? 0
      : Number(response.headers.get('content-length'))
    const body = response.body.pipeThrough(counted((loaded) => onProgress?.(loaded, announced || undefined)))
    if (announced) return new Response(body, response)
    // The source must know how many bytes there are; of an encoded or a streamed body only its end tells.
    const bytes = await new Response(body).arrayBuffer()
    return new Response(bytes, { headers: { 'content-length': String(bytes.byteLength) } })
  }
  const source = await urlSource(url, { fetch: fetchWhole, signal })
  return (await source.read(0, source.size)) as Uint8Array<ArrayBuffer>
}

function counted(
  onCount: (bytes: number) => void,
): TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>> {
  let count = 0
  return new TransformStream({
    transform(chunk, controller) {
      onCount((count += chunk.byteLength))
      controller.enqueue(chunk)
    },
  })
}
