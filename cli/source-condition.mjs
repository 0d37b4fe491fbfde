/** A resolve hook: our own packages are their TypeScript sources (the `openledger` condition of their exports). */
export const resolve = (specifier, context, next) =>
  next(specifier, { ...context, conditions: ['openledger', ...context.conditions] });
