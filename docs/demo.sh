# What `./run demo` shows. Every line is a command that you can type yourself.

# A copy of the sample book: a made-up shop, whose today is Monday, 2012-01-16.
crmctl init --sample chinook
cd chinook

# Who is in Canada, the best customers first?
crmctl customer list country:CA --sort -spent --fields name,company,spent,last,next

# All that happened with one of them lately, and one screen to read before the call.
crmctl timeline luis-goncalves --limit 8
crmctl brief luis-goncalves --now 2012-01-16

# The call is over: write it down, and promise something.
crmctl log luis-goncalves call "likes the new bossa nova titles, wants a list" --followup "send the list" --due fri --now 2012-01-16
crmctl today --now 2012-01-16

# A campaign: who would get it, who not and why; then the messages as files, to look at. Nothing is sent.
crmctl campaign plan new-year-newsletter --now 2012-01-16
crmctl campaign preview new-year-newsletter --to ../preview --now 2012-01-16
head -n 24 ../preview/luis-rojas.eml

# Three reports; any filter narrows them.
crmctl report run sales-by-member --now 2012-01-16
crmctl report run sales-by-month --now 2012-01-16 | tail -n 6
crmctl report run losing-touch owner:jane-peacock --now 2012-01-16

# All of it is plain files in git.
cat records/customers/luis-goncalves.yaml
git log --oneline -5
