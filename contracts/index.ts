/** OpenLedger's contracts as values: ABIs for callers, bytecode for whoever deploys. Sources stand in `src/`. */
export { openTokenAbi, openTokenBytecode } from './abi/open-token.ts';
export { settlementAbi, settlementBytecode } from './abi/settlement.ts';
