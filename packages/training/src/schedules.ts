import { checkInteger, checkNumber } from '@inverseform/errors'

/** How the learning rate changes over a run, as a factor of the given one. */
export type ScheduleOptions = (
  | { readonly name: 'constant' }
  /** (1 − step / steps)^power; the published recipe's, with power 2. Default power 0.9. */
  | { readonly name: 'poly'; readonly power?: number }
  /** Half a cosine from 1 to 0 (Loshchilov and Hutter, ICLR 2017). */
  | { readonly name: 'cosine' }
) & {
  /** Steps over which the factor first rises linearly to 1. Default 0. */
  readonly warmup?: number
}

/** Names of schedules. */
export const scheduleNames = ['poly', 'cosine', 'constant'] as const

/**
 * Returns the factor of the learning rate for a step.
 * @param step from 0 to steps − 1
 */
export function scheduleFactor(options: ScheduleOptions, step: number, steps: number): number {
  const { warmup = 0 } = options
  checkInteger('schedule.warmup', warmup, { min: 0 })
  if (step < warmup) return (step + 1) / (warmup + 1)
  const done = Math.min((step - warmup) / Math.max(steps - warmup, 1), 1)
  switch (options.name) {
    case 'constant':
      return 1
    case 'cosine':
      return (1 + Math.cos(Math.PI * done)) / 2
    case 'poly': {
      const { power = 0.9 } = options
      checkNumber('schedule.power', power, { min: 0 })
      return (1 - done) ** power
    }
  }
}
