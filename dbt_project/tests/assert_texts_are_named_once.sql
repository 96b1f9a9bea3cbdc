-- A text or a word of the dictionary that stood twice would break every sentence with it.
select text
from {{ ref('texts') }}
group by text
having count(*) > 1

union all

select kind || '/' || code as text
from {{ ref('dictionary_words') }}
group by kind, code
having count(*) > 1
