/** A URL made absolute by the page's, as `fetch` there does: a worker would start from its own. */
export function pageUrl(url: string | URL): string {
  return new URL(url, globalThis.document?.baseURI ?? location.href).href
}
