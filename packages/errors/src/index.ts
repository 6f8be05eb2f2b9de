export {
  type Bounds,
  type CheckOptions,
  checkArgument,
  checkBoolean,
  checkByteArray,
  checkFunction,
  checkInteger,
  checkIntegerArray,
  checkLength,
  checkNumber,
  checkOneOf,
  formatValue,
  typeName,
} from './checks.js'
export {
  type ErrorMessage,
  fromMessage,
  InverseFormError,
  type InverseFormErrorCode,
  type InverseFormErrorOptions,
  isInverseFormError,
  toMessage,
} from './inverse-form-error.js'
