export const milliseconds = (ms: number): string =>
  ms.toLocaleString('en', { maximumFractionDigits: ms < 10 ? 1 : 0 })

export const percent = (share: number): string =>
  share > 0 && share < 0.001 ? '<0.1 %' : `${(100 * share).toFixed(1)} %`

export const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)}\u00a0MB`
