/** A URL in a text: its protocol, name and password, host and path, query and fragment. */
const URLS = /\b([a-z][a-z\d+.-]*:\/\/)(?:[^\s/?#"'<>]*@)?([^\s?#"'<>]*)([?#][^\s"'<>]*)?/gi

/**
 * Removes what may be a secret from the URLs in a text: names and passwords, and queries, which may hold signatures and tokens.
 *
 * @example
 * withoutSecrets('https://me:word@host/model.pth?token=1') // 'https://host/model.pth?…'
 */
export const withoutSecrets = (text: string): string =>
  text.replace(URLS, (_, protocol: string, path: string, query?: string) =>
    query === undefined ? protocol + path : `${protocol}${path}?…`,
  )
