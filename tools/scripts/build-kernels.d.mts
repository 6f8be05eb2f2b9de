/** packages/runtime/src/kernels/binary.ts. */
export declare const binaryFile: string
/** Returns the text of that module. */
export declare function kernelsModule(): Promise<string>
