-- Whether the operator counted more tokens of a call than an honest one can, by our own count. Null: it did not, or nobody counted.
alter table gateway.inferences add column overstated boolean;
