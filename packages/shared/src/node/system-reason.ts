/** Returns why the system refused an operation on a file, such as `permission denied`: Node's message without code, call and path. */
export function systemReason(error: unknown): string {
  const { message } = error as Error
  return message.replace(/^[A-Z][A-Z0-9_]+: /, '').replace(/, \w+( '.*)?$/s, '')
}
