import { createHash } from 'node:crypto'
import { rename, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { checkArgument, InverseFormError } from '@inverseform/errors'
import { fileError, sha256Of, whileWriting, withLock } from '@inverseform/shared/node'
import type { ModelName } from '../models/identify.js'
import { RELEASE } from '../models/zoo.js'
import {
  type CacheState,
  type CheckpointCacheOptions,
  checkCached,
  checkpointFolder,
  damageOf,
  makeCacheFolder,
  readRecord,
  removeRecord,
  store,
} from './cache.js'
import { download, type TransferOptions, withManualWay } from './download.js'
import { withoutPassword } from './http.js'
import { publishedFiles } from './published-files.js'

export interface LocalCheckpointOptions extends CheckpointCacheOptions, TransferOptions {
  /**
   * The URL of a folder that has the published files under their names, instead of the release; by default the environment
   * variable INVERSEFORM_MIRROR, if it is set.
   */
  readonly mirror?: string | URL
  /** Whether nothing may be downloaded; by default whether the environment variable INVERSEFORM_OFFLINE is 1 or true. */
  readonly offline?: boolean
}

/**
 * Returns the path of a checkpoint. A published model or a URL is downloaded into the cache folder when it is used first. Its
 * SHA-256 is recorded then and compared on every later use; a file that is damaged is downloaded again.
 *
 * @param checkpoint the name of a published model, an http(s) URL, or a path. A file that is named like a model is meant by a
 * path with a folder, such as `./hrnet18`.
 *
 * @example
 * const path = await localCheckpoint('hrnet16-slim', { onProgress: (loaded, total) => console.log(loaded, total) })
 * await using source = await fileSource(path)
 *
 * @throws InverseFormError `not-found` for a path or a URL where nothing is, and for a checkpoint that is not in the cache while
 * downloads are off; `unreadable` when the download fails or brings no checkpoint; `write-failed`; `invalid-argument` for an option.
 * An abort throws the signal's reason
 */
export async function localCheckpoint(
  checkpoint: string | URL,
  options: LocalCheckpointOptions = {},
): Promise<string> {
  const valid = checkpoint instanceof URL || (typeof checkpoint === 'string' && checkpoint !== '')
  checkArgument('checkpoint', checkpoint, valid, 'the name of a published model, a URL or a path')
  const { signal } = options
  signal?.throwIfAborted()
  const found = locate(checkpoint, options)
  if ('path' in found) return existing(found.path)
  const folder = checkpointFolder(options)
  const path = join(folder, found.file)
  const state = await checkCached(path, found.model, signal)
  if (state === 'intact') return path
  if (options.offline ?? isSet(process.env.INVERSEFORM_OFFLINE)) throw notCached(path, found, state)
  await makeCacheFolder(folder)
  let isTold = false
  const onWait = () => {
    if (!isTold) options.onNote?.(`Another process downloads ${found.file}; waiting for it.`)
    isTold = true
  }
  await withLock(`${path}.lock`, { signal, onWait }, async ({ isHeld }) => {
    // Another process may have finished it in the meantime.
    const state = await checkCached(path, found.model, signal)
    if (state === 'intact') return
    if (state !== 'missing') {
      options.onNote?.(`${path} is damaged (${state.damage}) and is downloaded again.`)
    }
    await fetchInto(path, found, isHeld, options)
  })
  return path
}

interface Remote {
  readonly model?: ModelName
  /** Where it is downloaded from. */
  readonly url: string
  /** Where a user finds it by other means. */
  readonly source: string
  /** Its name in the cache folder. */
  readonly file: string
}

/** Tells a name and a URL from a path. */
function locate(checkpoint: string | URL, { mirror }: LocalCheckpointOptions): Remote | { path: string } {
  const text = String(checkpoint)
  const published = publishedFiles.find(({ model, url }) => text === model || text === url)
  if (published) return { ...published, url: mirrored(published.file, mirror), source: published.url }
  if (/^https?:\/\//i.test(text)) {
    if (!URL.canParse(text)) {
      throw new InverseFormError('invalid-argument', `\`checkpoint\` must be a valid URL, got ${text}.`, {
        hint: 'Check its host and port.',
      })
    }
    return { url: text, source: withoutPassword(text), file: fileNameOf(text) }
  }
  if (!(checkpoint instanceof URL)) return { path: text }
  if (checkpoint.protocol === 'file:') return { path: fileURLToPath(checkpoint) }
  throw new InverseFormError(
    'invalid-argument',
    `\`checkpoint\` must start with http:, https: or file:, got ${text}.`,
    { hint: 'Download the file by other means, then pass its path.' },
  )
}

/** Returns where a published file is: in the release, or on a mirror. */
function mirrored(file: string, mirror: string | URL | undefined): string {
  const base = mirror ?? (process.env.INVERSEFORM_MIRROR || RELEASE)
  const name = mirror === undefined ? 'INVERSEFORM_MIRROR' : 'mirror'
  const valid = URL.canParse(String(base)) && /^https?:$/.test(new URL(base).protocol)
  checkArgument(name, base, valid, 'an http(s) URL', {
    hint: 'Pass the address of a folder that has the published files under their names.',
  })
  const url = new URL(base)
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/${file}`
  return url.href
}

/** Returns a name that no other URL has, and that shows which file it is. */
function fileNameOf(url: string): string {
  const hash = createHash('sha256').update(url).digest('hex').slice(0, 12)
  const last = new URL(url).pathname.split('/').at(-1) ?? ''
  return `${hash}-${last.replace(/[^\w.-]+/g, '_').slice(-80) || 'checkpoint'}`
}

async function existing(path: string): Promise<string> {
  try {
    await stat(path)
    return path
  } catch (cause) {
    const error = fileError(path, cause)
    if (error.code !== 'not-found') return path
    throw new InverseFormError('not-found', error.message, {
      hint: hintOn(path) ?? error.hint,
      details: { path, model: publishedAs(path) },
      cause,
    })
  }
}

/** Returns the model whose published file a path names. */
const publishedAs = (path: string) => publishedFiles.find(({ file }) => file === basename(path))?.model

function hintOn(path: string): string | undefined {
  const model = publishedAs(path)
  if (model) return `Pass ${model} instead, and the published checkpoint is downloaded. Or check the path.`
  // Such a word was meant as the name of a model.
  if (/[/\\.]/.test(path)) return undefined
  const names = publishedFiles.map(({ model }) => model)
  return `The published models are ${names.slice(0, -1).join(', ')} and ${names.at(-1)}. Or check the path.`
}

const isSet = (value: string | undefined) => /^(1|true|yes|on)$/i.test(value ?? '')

function notCached(path: string, { source: url, model }: Remote, state: CacheState): InverseFormError {
  const name = model === undefined ? url : `The checkpoint of ${model}`
  const [code, found] =
    typeof state === 'object'
      ? (['unreadable', `${path} is damaged: ${state.damage}`] as const)
      : (['not-found', `${name} is not in the cache folder`] as const)
  return new InverseFormError(code, `${found}. Downloads are turned off (offline).`, {
    hint: `Unset INVERSEFORM_OFFLINE. Or save ${url} as ${path} by other means.`,
    details: { url, path },
  })
}

/** Downloads a file, checks it, and puts it in its place. */
async function fetchInto(
  path: string,
  { url: fullUrl, source, model }: Remote,
  isHeld: () => Promise<boolean>,
  options: LocalCheckpointOptions,
): Promise<void> {
  const { signal } = options
  // What was first downloaded is what every later download must be.
  const before = await readRecord(path)
  const url = withoutPassword(fullUrl)
  await using partial = await download(fullUrl, path, options).catch((error) => {
    throw withManualWay(error, source, path)
  })
  const damage = await damageOf(partial.path, model, signal)
  if (damage !== undefined) {
    await partial.remove()
    const error = new InverseFormError('unreadable', `${url} is not the checkpoint: ${damage}.`, {
      hint: 'The server may have sent only a part: try again. Check the URL or the mirror.',
      details: { url, path },
    })
    throw withManualWay(error, source, path)
  }
  const sha256 = await sha256Of(partial.path, signal)
  if (before && before.sha256 !== sha256) {
    await partial.remove()
    const date = before.storedAt.toISOString().slice(0, 10)
    throw new InverseFormError(
      'unreadable',
      `${url} is another file than on ${date}: its SHA-256 is ${sha256}, but was ${before.sha256}.`,
      {
        hint: `If you trust the new file, delete ${path} and ${path}.json first.`,
        details: { url, path },
      },
    )
  }
  // This process may have slept so long that another one took over.
  if (!(await isHeld())) {
    throw new InverseFormError('unreadable', `Another process took over the download of ${path}.`, {
      hint: 'Try again.',
      details: { url, path },
    })
  }
  await removeRecord(path)
  await whileWriting(path, rename(partial.path, path))
  await store(path, { url, sha256 })
  await partial.remove()
}
