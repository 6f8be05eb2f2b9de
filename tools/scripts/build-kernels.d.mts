export declare const binaryFiles: { readonly runtime: string; readonly core: string }
export declare function compileKernels(name: keyof typeof binaryFiles): Promise<Uint8Array>
export declare function kernelsModule(name: keyof typeof binaryFiles): Promise<string>
