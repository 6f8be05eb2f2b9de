import { homedir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'

/**
 * Returns the folder that InverseForm caches files in: INVERSEFORM_CACHE, or `inverseform` in the user's cache folder;
 * undefined for a user without one.
 */
export function inverseFormCache(env: NodeJS.ProcessEnv = process.env): string | undefined {
  if (env.INVERSEFORM_CACHE) return resolve(env.INVERSEFORM_CACHE)
  const caches = userCacheFolder(process.platform, env)
  return caches === undefined ? undefined : join(caches, 'inverseform')
}

/** Returns the user's cache folder, by the platform's convention; undefined for a user without a home. */
export function userCacheFolder(
  platform: NodeJS.Platform = process.platform,
  env: NodeJS.ProcessEnv = process.env,
  home: () => string = homedir,
): string | undefined {
  const { LOCALAPPDATA, XDG_CACHE_HOME = '' } = env
  if (platform === 'win32' && LOCALAPPDATA) return LOCALAPPDATA
  // Relative paths must be ignored (https://specifications.freedesktop.org/basedir-spec/latest/).
  if (platform !== 'win32' && platform !== 'darwin' && isAbsolute(XDG_CACHE_HOME)) return XDG_CACHE_HOME
  const folders: Readonly<Record<string, string>> = { win32: 'AppData/Local', darwin: 'Library/Caches' }
  try {
    return join(home(), folders[platform] ?? '.cache')
  } catch {
    // The system does not know the user, for example in a container.
    return undefined
  }
}
