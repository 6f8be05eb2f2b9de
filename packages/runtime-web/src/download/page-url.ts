/** Resolves a URL against the page's, as `fetch` on the page does. A worker would resolve it against its own. */
export function pageUrl(url: string | URL): string {
  return new URL(url, globalThis.document?.baseURI ?? location.href).href
}

/** Shortens a `data:` URL for messages; it is as long as its data. */
export const urlName = (url: string): string =>
  url.startsWith('data:') && url.length > 100 ? `${url.slice(0, 100)}…` : url
