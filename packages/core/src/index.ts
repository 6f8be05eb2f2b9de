export { InverseFormError, isInverseFormError } from '@inverseform/errors'
