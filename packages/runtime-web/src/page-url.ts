/** A URL made absolute by the page's, as `fetch` there does: a worker would start from its own. */
export function pageUrl(url: string | URL): string {
  return new URL(url, globalThis.document?.baseURI ?? location.href).href
}

/** A URL as messages name it: that of data is as long as the data. */
export const urlName = (url: string): string =>
  url.startsWith('data:') && url.length > 100 ? `${url.slice(0, 100)}…` : url
