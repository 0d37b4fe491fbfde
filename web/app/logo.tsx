/** The mark: a loop that two ruled lines enter, as in a ledger. */
export const Logo = () => (
  <svg className="logo" viewBox="0 0 32 32" aria-hidden="true">
    <path d="M25 9.6a11 11 0 1 0 0 12.8" />
    <path d="M13.5 13.6H31M13.5 18.4H31" />
  </svg>
);
