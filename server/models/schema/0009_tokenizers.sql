-- The tokenizer of a model that another operator serves: a file of this name counts its tokens here. Null: nobody counts them here.
alter table models.models add column tokenizer text;
