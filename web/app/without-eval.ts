/**
 * Tells zod not to compile its parsers with `new Function`: the content security policy forbids that, and each try
 * would be reported. Must be imported before anything that imports zod, which is why it stands alone.
 */
const settings = { jitless: true };
Object.assign(globalThis, { __zod_globalConfig: settings });
