"""The hand-written half of the sample book: what the Chinook tables do not tell, made up for it.

Each block is YAML, a map of handles to records (``CUSTOMERS``: to what is added to the record, or taken away by an
empty value; ``INTERACTIONS``: to a list). Times without an offset are in the book's time zone. ``dated`` is the day a
record's id counts from and is not written. The story's today is Monday, 2012-01-16.

Phone numbers are from the ranges that regulators keep for fiction (+1 xxx 555 01xx, +44 20 7946 0xxx,
+33 1 99 00 xx xx, +353 20 91x xxxx); streets and everything people say are made up.
"""

from __future__ import annotations

CUSTOMERS = """
luis-goncalves:
  salutation: Dear Mr Gonçalves
  role: Cabin Interiors Manager
  phones: [+1 305 555 0118]
  birthday: 1968-02-29
  tags: [business, licensing]
  cadence: 30d
  source: trade fair
  format: wav
  notes: |
    Decides with Legal, who answer slowly in January. Prefers calls after 14:00 his time.
leonie-kohler:
  tags: [blues]
francois-tremblay:
  tags: [jazz-lover]
  format: flac
frantisek-wichterlova:
  role: Office Manager
  emails: [hholy@gmail.example, frantisekw@jetbrains.example]
  tags: [business]
  cadence: 60d
  relations:
    - {customer: helena-holy, role: partner}
  notes: |
    The firewall at work stops our mail, so he reads it in Helena's mailbox.
helena-holy:
  birthday: 1971-01-20
  tags: [vip]
  cadence: 90d
  relations:
    - {customer: frantisek-wichterlova, role: partner}
  notes: |
    Our best customer: 49.62 USD in all. Buys whole seasons at a time.
astrid-gruber:
  birthday: 1975-01-18
  tags: [vinyl]
eduardo-martins:
  salutation: Dear Mr Martins
  role: Owner
  phones: [+1 786 555 0163]
  tags: [business, licensing, reseller]
  cadence: 60d
  source: trade fair
alexandre-rocha:
  role: Branch Services
  tags: [business]
  consent:
    newsletter:
      state: withdrawn
      basis: consent
      date: 2011-12-07
      how: call with Steve Johnson
      evidence: interaction of 2011-12-07
roberto-almeida:
  salutation: Dear Mr Almeida
  role: Event Producer
  tags: [business, licensing]
  cadence: 90d
  source: recommended by Eduardo Martins
  relations:
    - {customer: eduardo-martins, role: friend}
mark-philips:
  salutation: Dear Mr Philips
  role: Call Centre Manager
  phones: [+1 780 555 0142]
  birthday: 1969-11-24
  tags: [business, licensing]
  cadence: 30d
  source: radio
  format: wav
jennifer-peterson:
  salutation: Dear Ms Peterson
  role: Retail Marketing
  phones: [+1 604 555 0177]
  tags: [business, licensing]
  cadence: 30d
  source: radio
frank-harris:
  role: Events
  tags: [business]
  cadence: 90d
jack-smith:
  role: Demo Rooms
  phones: [+1 425 555 0129]
  tags: [business]
  cadence: 60d
  consent: ""
tim-goyer:
  role: Store Experience
  birthday: 1980-12-03
  tags: [business]
  cadence: 60d
kathy-chase:
  salutation: Dear Ms Chase
  phones: [+1 775 555 0106]
  address:
    street: 12 Sample Lane
    postal_code: "89501"
    city: Reno
    region: NV
    country: US
  tags: [letters]
  notes: |
    Reads her mail once a month; write her a letter instead.
john-gordon:
  tags: [metal]
frank-ralston:
  lifecycle: former
  do_not_contact: [all]
  tags: [vinyl]
  notes: |
    Closed his account on 2011-12-13 and asked that nobody writes or calls again.
victor-stevens:
  tags: [blues]
  format: flac
richard-cunningham:
  emails: ""
  phones: [+1 817 555 0134]
  tags: [vip]
  notes: |
    His old address came back twice and was taken out on 2011-12-02. Ask for the new one on the phone.
julia-barnett:
  consent:
    newsletter:
      state: withdrawn
      basis: consent
      date: 2011-12-28
      how: complaint by e-mail
      evidence: case still-gets-the-newsletter
robert-brown:
  phones: [+1 416 555 0151]
  birthday: 1958-01-16
  tags: [vinyl]
ellie-sullivan:
  birthday: 1984-06-21
martha-silk:
  tags: [vinyl]
joao-fernandes:
  source: friend
  relations:
    - {customer: madalena-sampaio, role: sister}
madalena-sampaio:
  source: friend
  relations:
    - {customer: joao-fernandes, role: brother}
hannah-schneider:
  tags: [metal]
  consent: ""
niklas-schroder:
  source: search engine
camille-bernard:
  phones: [+33 1 99 00 12 34]
dominique-lefebvre:
  tags: [jazz-lover]
  consent:
    newsletter:
      state: withdrawn
      basis: consent
      date: 2011-12-19
      how: link in the newsletter
      evidence: interaction of 2011-12-19
marc-dubois:
  source: search engine
isabelle-mercier:
  tags: [classical]
terhi-hamalainen:
  birthday: 1977-12-06
  cadence: 90d
  source: friend
ladislav-kovacs:
  tags: [vip]
  consent: ""
hugh-o-reilly:
  salutation: Dear Hugh
  role: Landlord
  phones: [+353 20 915 0137]
  birthday: 1962-03-17
  tags: [vip, business, licensing]
  cadence: 90d
  source: friend
  format: wav
  notes: |
    Runs a pub with a jukebox in Dublin. Hates forms, pays at once.
lucas-mancini:
  consent: ""
johannes-van-der-berg:
  birthday: 1970-04-27
  tags: [blues, vinyl]
  format: flac
enrique-munoz:
  source: search engine
emma-jones:
  phones: [+44 20 7946 0812]
  birthday: 1979-09-09
  consent:
    newsletter:
      state: granted
      basis: consent
      channels: [email]
      date: 2009-02-27
      how: letter
      evidence: letter of 2009-02-27
    birthday:
      state: objected
      date: 2011-09-12
      how: call with Jane Peacock
      evidence: interaction of 2011-09-12
phil-hughes:
  phones: [+44 20 7946 0360]
  consent:
    newsletter:
      state: withdrawn
      basis: consent
      date: 2011-12-22
      how: link in the newsletter
      evidence: interaction of 2011-12-22
mark-taylor:
  tags: [metal]
  consent: ""
diego-gutierrez:
  source: friend
luis-rojas:
  tags: [vip]
manoj-pareek:
  birthday: 1973-08-15
  tags: [jazz-lover]
  cadence: 180d
puja-srivastava:
  lifecycle: former
  birthday: 1986-10-02
  tags: [jazz-lover]
  consent: ""
"""

INTERACTIONS = """
luis-goncalves:
  - at: 2011-12-06 10:10
    type: call
    direction: out
    by: jane-peacock
    text: Wants music for the cabin of the demo jet, about 40 hours, no lyrics. Legal has to see the licence first.
    outcome: interested
    minutes: "18"
    deal: embraer-cabin-music
  - at: 2011-12-13 09:00
    type: meeting
    by: jane-peacock
    text: |
      Video meeting with Luís and Ana from Legal.
      - 40 hours, Latin and easy listening, played in the demo jet and at air shows
      - they need the right to cut pieces
      - offer until Christmas, decision in January
    minutes: "55"
    deal: embraer-cabin-music
  - at: 2011-12-20 15:30
    type: email
    direction: out
    by: jane-peacock
    text: Sent the offer for 40 hours, 2,400 USD for two years, with the draft of the licence.
    deal: embraer-cabin-music
  - at: 2012-01-12 07:45
    type: email
    direction: in
    by: jane-peacock
    text: Legal agrees but for clause 4 (cutting). Can we send a new text by Monday?
    deal: embraer-cabin-music
  - at: 2012-01-12 11:20
    type: call
    direction: out
    by: jane-peacock
    text: Promised the new clause 4 for Monday. He expects to sign by the end of January.
    outcome: reached
    minutes: "9"
    deal: embraer-cabin-music
frantisek-wichterlova:
  - at: 2011-12-14 08:30
    type: meeting
    by: margaret-park
    text: |
      Video meeting. Their new floor in Prague gets an office radio: 60 people, rock before noon, quiet after lunch.
      He collects wishes from the teams until the end of January.
    minutes: "35"
    deal: jetbrains-office-radio
  - at: 2011-12-15 09:05
    type: email
    direction: out
    by: margaret-park
    text: Sent the notes of our meeting and the list of what an office radio may play.
    deal: jetbrains-office-radio
  - at: 2012-01-04 06:50
    type: message
    direction: in
    by: margaret-park
    text: Mail to his office address bounces. Use Helena's address for now.
helena-holy:
  - at: 2011-12-16 10:00
    type: survey
    direction: in
    text: How likely are you to recommend us? 10 of 10. The whole season in one click, lovely.
    outcome: "10"
astrid-gruber:
  - at: 2011-12-27 14:00
    type: visit
    by: steve-johnson
    text: On holiday in Banff, dropped in at the office to see where the music comes from. Got coffee and a sampler.
    minutes: "40"
eduardo-martins:
  - at: 2011-12-01 11:00
    type: meeting
    by: margaret-park
    text: |
      At the trade fair, with his brother. 2,000 tracks for resale in the shop, mostly rock.
      He takes 0.90 a track if he can pay in January.
    minutes: "45"
    deal: woodstock-resale
  - at: 2011-12-07 13:15
    type: email
    direction: out
    by: margaret-park
    text: Offer for 2,000 tracks at 0.90 USD, to be paid by 2012-01-13.
    deal: woodstock-resale
  - at: 2011-12-12 09:40
    type: email
    direction: in
    by: margaret-park
    text: Signed. Wants the files before Christmas.
    outcome: won
    deal: woodstock-resale
  - at: 2011-12-16 16:00
    type: note
    by: robert-king
    text: All 2,000 files handed over through the reseller page, receipt confirmed.
    deal: woodstock-resale
alexandre-rocha:
  - at: 2011-12-07 08:20
    type: consent
    direction: in
    by: steve-johnson
    text: On the phone, no newsletter any more, his bank blocks the pictures anyway. Taken off at once.
    outcome: withdrawn
roberto-almeida:
  - at: 2011-12-09 12:30
    type: call
    direction: in
    by: jane-peacock
    text: Looks for 12 hours of music for the carnival stages, world and samba. Eduardo gave him our number.
    outcome: interested
    minutes: "22"
    deal: riotur-carnival
  - at: 2012-01-05 10:00
    type: meeting
    by: jane-peacock
    text: |
      Video meeting with Roberto and two stage managers. Eight stages, 17 to 21 February.
      Needs a price per stage and the list of titles before the 20th.
    minutes: "50"
    deal: riotur-carnival
  - at: 2012-01-10 16:10
    type: email
    direction: out
    by: jane-peacock
    text: Sent the offer, 400 USD a stage, 3,200 USD in all.
    deal: riotur-carnival
mark-philips:
  - at: 2011-12-05 14:00
    type: call
    direction: in
    by: steve-johnson
    text: Callers complain about the hold music. Wants something calm for three months, to try.
    outcome: interested
    minutes: "12"
    deal: telus-hold-music
  - at: 2011-12-15 10:30
    type: visit
    by: steve-johnson
    text: In his call centre in Edmonton, with samples. Classical won the vote, easy listening came second.
    minutes: "90"
    deal: telus-hold-music
  - at: 2012-01-11 13:00
    type: meeting
    by: steve-johnson
    text: |
      Went through the offer. 1,250 CAD is fine, but paid each month.
      Steve asks Nancy, answer within the week.
    minutes: "30"
    deal: telus-hold-music
  - at: 2012-01-12 09:15
    type: email
    direction: out
    by: steve-johnson
    text: Sent the notes of yesterday's meeting.
    deal: telus-hold-music
jennifer-peterson:
  - at: 2011-11-22 11:00
    type: call
    direction: out
    by: jane-peacock
    text: Background music for 30 shops in British Columbia. Budget of 2011 has to be spent by the end of the year.
    outcome: interested
    minutes: "25"
    deal: rogers-shop-music
  - at: 2011-12-02 15:00
    type: email
    direction: out
    by: jane-peacock
    text: Sent the offer, 160 USD a shop and year, 4,800 USD in all.
    deal: rogers-shop-music
  - at: 2011-12-21 10:45
    type: call
    direction: out
    by: jane-peacock
    text: No answer, left a message on her voicemail.
    outcome: no answer
    minutes: "1"
    deal: rogers-shop-music
frank-harris:
  - at: 2012-01-09 12:05
    type: email
    direction: in
    by: margaret-park
    text: Asks what music for a hackathon in March would cost, two days, 300 guests.
    deal: google-hackathon
jack-smith:
  - at: 2011-11-29 09:30
    type: call
    direction: out
    by: steve-johnson
    text: Demo rooms in Redmond need changing soundtracks. Compares us with two flat rates.
    minutes: "20"
    deal: microsoft-demo-rooms
  - at: 2011-12-20 08:55
    type: email
    direction: in
    by: steve-johnson
    text: Took the flat rate. Liked the samples, but nobody there has the time to choose titles.
    outcome: lost
    deal: microsoft-demo-rooms
tim-goyer:
  - at: 2011-12-08 10:20
    type: call
    direction: out
    by: jane-peacock
    text: A playlist for the store opening. Likes the idea, has to find the money.
    minutes: "14"
    deal: apple-store-opening
  - at: 2012-01-10 09:10
    type: email
    direction: in
    by: jane-peacock
    text: No budget before autumn. Ask again in September.
    outcome: lost
    deal: apple-store-opening
kathy-chase:
  - at: 2012-01-05 15:00
    type: letter
    direction: out
    by: steve-johnson
    text: Thanked her for four years of orders, with the printed list of new jazz titles.
frank-ralston:
  - at: 2011-12-13 08:05
    type: call
    direction: in
    by: jane-peacock
    text: Closes his account and wants to hear from nobody here again. Marked so while he was on the line.
    minutes: "6"
victor-stevens:
  - at: 2011-12-19 17:30
    type: survey
    direction: in
    text: How likely are you to recommend us? 8 of 10. More live recordings please.
    outcome: "8"
richard-cunningham:
  - at: 2011-12-02 09:00
    type: note
    by: margaret-park
    text: His e-mail address came back twice, taken out. Ask for the new one when he calls.
julia-barnett:
  - at: 2011-12-28 07:15
    type: email
    direction: in
    by: steve-johnson
    text: Angry. She has asked twice to be taken off the newsletter and got the Christmas issue all the same.
    case: still-gets-the-newsletter
  - at: 2011-12-28 09:30
    type: consent
    direction: in
    by: steve-johnson
    text: Newsletter withdrawn, by her e-mail of this morning.
    outcome: withdrawn
    case: still-gets-the-newsletter
  - at: 2011-12-28 09:45
    type: email
    direction: out
    by: steve-johnson
    text: Apologised. She is off every list now, and her two earlier requests were found in the spam folder.
    case: still-gets-the-newsletter
robert-brown:
  - at: 2011-12-08 08:40
    type: support
    direction: in
    by: jane-peacock
    text: His card shows order 409 twice, 5.94 USD each.
    minutes: "10"
    case: order-409-charged-twice
  - at: 2011-12-08 11:00
    type: support
    direction: out
    by: laura-callahan
    text: The payment page was reloaded while it worked. The second charge is sent back today.
    minutes: "35"
    case: order-409-charged-twice
  - at: 2011-12-12 10:00
    type: call
    direction: out
    by: jane-peacock
    text: The money is back on his card. Satisfied, though he would have liked a note on Friday.
    outcome: reached
    minutes: "5"
    case: order-409-charged-twice
madalena-sampaio:
  - at: 2011-12-11 04:30
    type: email
    direction: in
    by: margaret-park
    text: Three tracks of order 410 click every few seconds.
    case: order-410-clicks
  - at: 2011-12-12 08:30
    type: support
    direction: out
    by: robert-king
    text: The masters were damaged. Read in anew, links for nine fresh files sent.
    minutes: "50"
    case: order-410-clicks
dominique-lefebvre:
  - at: 2011-12-19 03:12
    type: consent
    direction: in
    text: Newsletter withdrawn by the link in the December issue.
    outcome: withdrawn
terhi-hamalainen:
  - at: 2012-01-13 02:20
    type: email
    direction: in
    by: jane-peacock
    text: Two of the 14 titles of order 411 are missing from the download page.
    case: order-411-incomplete
hugh-o-reilly:
  - at: 2011-12-10 10:30
    type: call
    direction: in
    by: jane-peacock
    text: The jukebox in the pub wants 460 tracks, rock mostly, some world and blues. Asked for one price and no forms.
    outcome: interested
    minutes: "16"
    deal: dublin-jukebox
  - at: 2011-12-19 09:20
    type: email
    direction: out
    by: jane-peacock
    text: One page, 460 tracks, 420 USD.
    deal: dublin-jukebox
  - at: 2012-01-09 07:30
    type: email
    direction: in
    by: jane-peacock
    text: Go on then.
    outcome: won
    deal: dublin-jukebox
  - at: 2012-01-11 05:00
    type: payment
    direction: in
    text: Paid the jukebox by bank transfer.
    deal: dublin-jukebox
    amount: "420.00"
    currency: USD
  - at: 2012-01-16 04:10
    type: email
    direction: in
    by: jane-peacock
    text: The jukebox takes WAV only, and what we sent is FLAC. Could we?
    case: jukebox-needs-wav
johannes-van-der-berg:
  - at: 2012-01-06 06:30
    type: call
    direction: in
    by: steve-johnson
    text: Looks for early Chicago blues on vinyl or as FLAC. Promised him a list in a week.
    outcome: reached
    minutes: "13"
emma-jones:
  - at: 2011-09-12 03:40
    type: call
    direction: in
    by: jane-peacock
    text: Thanks, but no birthday notes please.
    minutes: "4"
phil-hughes:
  - at: 2011-12-22 04:48
    type: consent
    direction: in
    text: Newsletter withdrawn by the link in the December issue.
    outcome: withdrawn
manoj-pareek:
  - at: 2012-01-10 00:40
    type: email
    direction: in
    by: jane-peacock
    text: Can the invoice of order 412 show the tax number of his practice?
    case: tax-number-on-invoice
  - at: 2012-01-10 09:50
    type: email
    direction: out
    by: jane-peacock
    text: Yes. Asked him for the number and the name it goes with.
    case: tax-number-on-invoice
"""

DEALS = """
embraer-cabin-music:
  dated: 2011-12-06
  name: Cabin music for the demo jet
  customer: luis-goncalves
  pipeline: sales
  stage: negotiation
  stage_log:
    - {stage: lead, at: 2011-12-06}
    - {stage: qualified, at: 2011-12-13}
    - {stage: proposal, at: 2011-12-20}
    - {stage: negotiation, at: 2012-01-12}
  amount: "2400.00"
  currency: USD
  probability: "80"
  opened: 2011-12-06
  closes: 2012-01-31
  next_step: Send the new clause 4
  source: trade fair
  owner: jane-peacock
  tags: [licensing]
woodstock-resale:
  dated: 2011-12-01
  name: 2,000 tracks for resale
  customer: eduardo-martins
  pipeline: sales
  stage: won
  stage_log:
    - {stage: qualified, at: 2011-12-01}
    - {stage: proposal, at: 2011-12-07}
    - {stage: won, at: 2011-12-12}
  amount: "1800.00"
  currency: USD
  opened: 2011-12-01
  closes: 2011-12-16
  closed: 2011-12-12
  lines:
    - {product: rock, text: "Tracks for resale, rock", quantity: "1500", price: "0.90"}
    - {product: latin, text: "Tracks for resale, Latin", quantity: "500", price: "0.90"}
  source: trade fair
  owner: margaret-park
  tags: [reseller]
riotur-carnival:
  dated: 2011-12-09
  name: Music for eight carnival stages
  customer: roberto-almeida
  pipeline: sales
  stage: proposal
  stage_log:
    - {stage: lead, at: 2011-12-09}
    - {stage: qualified, at: 2012-01-05}
    - {stage: proposal, at: 2012-01-10}
  amount: "3200.00"
  currency: USD
  opened: 2011-12-09
  closes: 2012-02-10
  next_step: Send the list of titles before the 20th
  lines:
    - {product: world, text: "Licence for one stage, five days", quantity: "8", price: "400.00"}
  source: recommended by Eduardo Martins
  owner: jane-peacock
  tags: [licensing]
telus-hold-music:
  dated: 2011-12-05
  name: Hold music for the call centre
  customer: mark-philips
  pipeline: sales
  stage: negotiation
  stage_log:
    - {stage: lead, at: 2011-12-05}
    - {stage: qualified, at: 2011-12-15}
    - {stage: proposal, at: 2012-01-03}
    - {stage: negotiation, at: 2012-01-11}
  amount: "1250.00"
  currency: CAD
  opened: 2011-12-05
  closes: 2012-01-27
  next_step: Ask Nancy about paying each month
  source: radio
  owner: steve-johnson
  tags: [licensing]
rogers-shop-music:
  dated: 2011-11-22
  name: Background music for 30 shops
  customer: jennifer-peterson
  pipeline: sales
  stage: proposal
  stage_log:
    - {stage: qualified, at: 2011-11-22}
    - {stage: proposal, at: 2011-12-02}
  amount: "4800.00"
  currency: USD
  opened: 2011-11-22
  closes: 2011-12-31
  next_step: Call about the decision
  source: radio
  owner: jane-peacock
  tags: [licensing]
jetbrains-office-radio:
  dated: 2011-12-14
  name: Office radio for the new floor
  customer: frantisek-wichterlova
  pipeline: sales
  stage: qualified
  stage_log:
    - {stage: qualified, at: 2011-12-14}
  amount: "640.00"
  currency: EUR
  opened: 2011-12-14
  closes: 2012-03-30
  owner: margaret-park
google-hackathon:
  dated: 2012-01-09
  name: Music for a hackathon
  customer: frank-harris
  pipeline: sales
  stage: lead
  stage_log:
    - {stage: lead, at: 2012-01-09}
  amount: "350.00"
  currency: USD
  opened: 2012-01-09
  closes: 2012-02-29
  owner: margaret-park
microsoft-demo-rooms:
  dated: 2011-11-29
  name: Soundtracks for demo rooms
  customer: jack-smith
  pipeline: sales
  stage: lost
  stage_log:
    - {stage: qualified, at: 2011-11-29}
    - {stage: proposal, at: 2011-12-06}
    - {stage: lost, at: 2011-12-20}
  amount: "2900.00"
  currency: USD
  opened: 2011-11-29
  closes: 2011-12-22
  closed: 2011-12-20
  lost_reason: took a flat rate
  owner: steve-johnson
apple-store-opening:
  dated: 2011-12-08
  name: Playlist for a store opening
  customer: tim-goyer
  pipeline: sales
  stage: lost
  stage_log:
    - {stage: lead, at: 2011-12-08}
    - {stage: lost, at: 2012-01-10}
  amount: "780.00"
  currency: USD
  opened: 2011-12-08
  closes: 2012-02-15
  closed: 2012-01-10
  lost_reason: no budget
  owner: jane-peacock
  notes: |
    Ask again in September.
dublin-jukebox:
  dated: 2011-12-10
  name: 460 tracks for a jukebox
  customer: hugh-o-reilly
  pipeline: sales
  stage: won
  stage_log:
    - {stage: lead, at: 2011-12-10}
    - {stage: proposal, at: 2011-12-19}
    - {stage: won, at: 2012-01-09}
  amount: "420.00"
  currency: USD
  opened: 2011-12-10
  closes: 2012-01-15
  closed: 2012-01-09
  lines:
    - {product: rock, text: "Jukebox, rock", quantity: "300", price: "0.90"}
    - {product: world, text: "Jukebox, world", quantity: "100", price: "0.90"}
    - {product: blues, text: "Jukebox, blues", quantity: "60", price: "1.00"}
  source: friend
  owner: jane-peacock
  tags: [licensing]
"""

CASES = """
order-409-charged-twice:
  dated: 2011-12-08
  name: Order 409 was charged twice
  customer: robert-brown
  type: complaint
  priority: high
  status: closed
  channel: phone
  opened: 2011-12-08 08:40
  respond_by: 2011-12-08 16:40
  responded: 2011-12-08 11:00
  resolve_by: 2011-12-13 17:00
  resolved: 2011-12-12 10:00
  satisfaction: "4"
  owner: jane-peacock
  tags: [billing]
  notes: |
    The payment page could be sent twice. Repaired on 2011-12-09.
order-410-clicks:
  dated: 2011-12-11
  name: Tracks of order 410 click
  customer: madalena-sampaio
  type: issue
  priority: normal
  status: solved
  channel: email
  product: rock
  opened: 2011-12-11 04:30
  respond_by: 2011-12-12 04:30
  responded: 2011-12-12 08:30
  resolve_by: 2011-12-16 17:00
  resolved: 2011-12-12 08:30
  satisfaction: "5"
  owner: margaret-park
  tags: [download]
still-gets-the-newsletter:
  dated: 2011-12-28
  name: Still gets the newsletter
  customer: julia-barnett
  type: complaint
  priority: urgent
  status: solved
  channel: email
  opened: 2011-12-28 07:15
  respond_by: 2011-12-28 11:15
  responded: 2011-12-28 09:45
  resolve_by: 2011-12-29 07:15
  resolved: 2011-12-28 09:45
  satisfaction: "2"
  owner: steve-johnson
  tags: [consent]
tax-number-on-invoice:
  dated: 2012-01-10
  name: Tax number on the invoice of order 412
  customer: manoj-pareek
  type: question
  priority: low
  status: waiting
  channel: email
  opened: 2012-01-10 00:40
  respond_by: 2012-01-13 00:40
  responded: 2012-01-10 09:50
  resolve_by: 2012-01-24 17:00
  owner: jane-peacock
  tags: [billing]
order-411-incomplete:
  dated: 2012-01-13
  name: Two titles of order 411 are missing
  customer: terhi-hamalainen
  type: issue
  priority: high
  status: open
  channel: email
  opened: 2012-01-13 02:20
  respond_by: 2012-01-13 10:20
  resolve_by: 2012-01-14 17:00
  owner: jane-peacock
  tags: [download]
jukebox-needs-wav:
  dated: 2012-01-16
  name: The jukebox needs WAV
  customer: hugh-o-reilly
  type: request
  priority: normal
  status: open
  channel: email
  product: rock
  opened: 2012-01-16 04:10
  respond_by: 2012-01-17 04:10
  resolve_by: 2012-01-20 17:00
  owner: jane-peacock
  tags: [format]
"""

FOLLOWUPS = """
call-rogers-about-the-decision:
  dated: 2011-12-21
  what: Call about the decision, the close date is over
  due: 2012-01-04
  customer: jennifer-peterson
  deal: rogers-shop-music
  owner: jane-peacock
list-of-chicago-blues:
  dated: 2012-01-06
  what: Send the list of early Chicago blues
  due: 2012-01-13
  customer: johannes-van-der-berg
  promised: "yes"
  owner: steve-johnson
new-clause-4:
  dated: 2012-01-12
  what: Send the new clause 4 of the licence
  due: 2012-01-16
  customer: luis-goncalves
  deal: embraer-cabin-music
  promised: "yes"
  owner: jane-peacock
answer-about-order-411:
  dated: 2012-01-13
  what: Tell Terhi when her two titles come
  due: 2012-01-16
  customer: terhi-hamalainen
  case: order-411-incomplete
  owner: jane-peacock
titles-for-the-carnival:
  dated: 2012-01-10
  what: Send the list of titles, then call
  due: 2012-01-18
  customer: roberto-almeida
  deal: riotur-carnival
  promised: "yes"
  owner: jane-peacock
remind-woodstock-of-the-invoice:
  dated: 2012-01-13
  what: Remind of the invoice for 2,000 tracks
  due: 2012-01-20
  customer: eduardo-martins
  template: invoice-reminder
  deal: woodstock-resale
  owner: margaret-park
call-telus-after-the-meeting:
  dated: 2012-01-12
  what: Call and ask what is still open
  due: 2012-01-19
  customer: mark-philips
  sequence: after-a-meeting
  step: "2"
  deal: telus-hold-music
  owner: steve-johnson
renew-northern-lights:
  dated: 2012-01-03
  what: Renew the contract with Northern Lights Music
  due: 2012-02-14
  owner: nancy-edwards
  tags: [vendor]
notes-to-frantisek:
  dated: 2011-12-14
  what: Send the notes of the meeting
  due: 2011-12-15
  customer: frantisek-wichterlova
  done: 2011-12-15
  outcome: sent
  template: meeting-follow-up
  deal: jetbrains-office-radio
  promised: "yes"
  owner: margaret-park
letter-to-kathy:
  dated: 2011-12-29
  what: Thank Kathy by letter
  due: 2012-01-06
  customer: kathy-chase
  done: 2012-01-05
  outcome: sent
  template: letter
  owner: steve-johnson
"""

CAMPAIGNS = """
new-year-newsletter:
  dated: 2012-01-09
  name: New year newsletter
  purpose: newsletter
  segment: rock-fans
  template: newsletter
  channel: email
  holdout: "10"
  benefit: Hears of the rock titles that came in over Christmas before the shop window shows them
  status: draft
  starts: 2012-01-18
  ends: 2012-02-15
  budget: "150.00"
  currency: USD
  owner: nancy-edwards
  tags: [rock]
  notes: |
    Aim: four more orders a hundred readers within four weeks than in the part that gets nothing.
january-meetings:
  dated: 2012-01-12
  name: After the January meetings
  purpose: service
  segment: january-meetings
  template: meeting-follow-up
  channel: email
  benefit: Has in writing what was agreed and who does what next
  status: draft
  starts: 2012-01-17
  ends: 2012-01-20
  owner: jane-peacock
birthdays-2012:
  dated: 2012-01-02
  name: Birthday notes 2012
  purpose: birthday
  segment: birthdays-known
  template: birthday
  channel: email
  benefit: A title of their choice as a present
  status: draft
  starts: 2012-01-16
  ends: 2012-12-31
  budget: "30.00"
  currency: USD
  owner: nancy-edwards
"""

SEGMENTS = """
rock-fans:
  dated: 2011-12-30
  name: Rock fans
  filter: bought:rock spent>=40
  owner: nancy-edwards
  notes: |
    Bought rock, and for 40 USD or more in all.
vip:
  dated: 2011-12-30
  name: Very important customers
  filter: tag:vip
  owner: nancy-edwards
quiet:
  dated: 2011-12-30
  name: Quiet for half a year
  filter: last<-180d
  owner: nancy-edwards
canada:
  dated: 2011-12-30
  name: Canada
  filter: country:CA
  owner: nancy-edwards
birthdays-known:
  dated: 2012-01-02
  name: Birthday known
  filter: "not birthday:"
  owner: nancy-edwards
january-meetings:
  dated: 2012-01-12
  name: Met in January 2012
  customers: [roberto-almeida, mark-philips]
  owner: jane-peacock
"""

SEQUENCES = """
after-a-meeting:
  dated: 2011-12-01
  name: After a meeting
  purpose: service
  steps:
    - wait: 1d
      what: Send the notes of the meeting
      channel: email
      template: meeting-follow-up
      approval: draft
    - wait: 1w
      what: Call and ask what is still open
      channel: phone
    - wait: 3w
      what: Thank them by letter
      channel: letter
      template: letter
      when: tag:business
      approval: draft
  stop_on: [reply, won, lost, opt-out, complaint]
  owner: nancy-edwards
"""

ARTICLES = """
download-an-order-again:
  dated: 2011-12-12
  name: How do I download an order again?
  text: |
    Open "My orders" and choose the order. Every title you bought can be downloaded for as long as you have an account.
    Write to us if a title is missing or does not play; we put fresh files there, usually the next day.
  language: en
  owner: robert-king
  tags: [download]
which-formats:
  dated: 2012-01-05
  name: Which formats do you sell?
  text: |
    Music comes as MP3 (320 kbit/s) or FLAC, for licences also as WAV. Videos come as MP4.
    You choose at the download, and may come back for another format later.
  language: en
  owner: laura-callahan
  tags: [download, format]
"""

VENDORS = """
northern-lights-music:
  dated: 2009-02-15
  name: Northern Lights Music
  email: catalogue@northernlights.example
  phone: +1 867 555 0122
  website: https://northernlights.example
  country: CA
  supplies: [rock, metal, blues]
  contract_until: 2012-02-29
  notes: |
    Three months' notice; Nancy wants better terms for classical.
prairie-screen:
  dated: 2010-06-01
  name: Prairie Screen
  email: office@prairiescreen.example
  website: https://prairiescreen.example
  country: CA
  supplies: [tv-shows, drama, comedy]
  contract_until: 2013-05-31
"""
