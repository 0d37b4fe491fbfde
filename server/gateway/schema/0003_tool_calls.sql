-- What the model asked its client to call: [{id, name, arguments}], or null. The output says it in text.
alter table gateway.inferences add column tool_calls jsonb;
