/** Whether a name is a path below a folder, divided by `/`, on every system. Names of runs and states may come from anywhere. */
export function isPathBelow(name: string): boolean {
  const isPlain = name.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
  // Windows also divides paths at backslashes, and colons name drives and streams.
  return isPlain && !/[\\\0]/.test(name) && !(process.platform === 'win32' && name.includes(':'))
}
