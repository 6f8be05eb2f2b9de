import { formatValue } from '@inverseform/errors'
import type { ResolvedCountOptions } from '../options.js'
import { damage, type Field } from './fields.js'

/** Fields that a state has only with the option `voidIndex`, so that all others keep their form. */
export type VoidFields<F> = F & { readonly voidIndex: Field<number, number> }

/** Returns the fields that come with `voidIndex`; none without it, although the type has them. */
export function voidFields<F extends object>({ voidIndex }: ResolvedCountOptions, fields: F): VoidFields<F> {
  return (voidIndex === undefined ? {} : { voidIndex: constant(voidIndex), ...fields }) as VoidFields<F>
}

/** Returns the option from a state. */
export const voidOptions = ({ voidIndex }: Readonly<Record<string, unknown>>): object =>
  voidIndex === undefined ? {} : { voidIndex }

function constant(value: number): Field<number, number> {
  return {
    create: () => value,
    merge: () => value,
    write: () => value,
    read(json, path) {
      if (json === value) return value
      throw damage(`${path} is ${formatValue(json)}, not ${value}`)
    },
  }
}
