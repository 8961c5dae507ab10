"""Documents with parallel sections, questions that branch there and questions that do not, and dialogues.

Written for this project, of invented firms. `documents` gives each section its place; QUESTIONS say which of
them must be asked back. Knows nothing of how answers are made.
"""

from __future__ import annotations

from datasets import BenchPassage

Sections = dict[tuple[str, ...], str]
"""Title and headings of each section, and its text."""

_SECTIONS = """
About Lumen > What Lumen is: Lumen keeps the files of a team in one place. It was founded in 2014 in
Ghent. The source is published on its website.

Billing > Invoices: Invoices are sent by e-mail on the first day of each month. They can also be
downloaded under Settings, then Billing.

Billing > Ways to pay: You can pay by credit card, by bank transfer or by direct debit. Cheques are
not accepted.

Billing > Refunds: A payment is refunded in full when you cancel within the first 14 days. Write to
billing and name the invoice.

Accounts > Reset your password: Choose Forgot password on the sign-in page and enter your e-mail
address. The link we send is good for one hour.

Accounts > Close an account: Open Settings, choose Close account and enter your password. All files
are erased after 30 days.

Accounts > Two-step sign-in: Two-step sign-in asks for a code from your phone. Switch it on under
Settings, then Security.

Accounts > Change your e-mail address: Open Settings, then Profile, and enter the new address. We
send a message to both addresses.

Sharing files > Share a file: Open the file and choose Share. A link can carry a password and a last
day.

Sharing files > Stop sharing: Open the file, choose Share and remove the link. Whoever has it open
sees nothing any more.

Returns > Damaged goods: Send us a photograph of the damage within three days of delivery. We
replace the goods at our cost.

Returns > How to send goods back: Print the label from your order and hand the parcel in at any
counter. Keep the receipt until the money has arrived.

Orders > Cancel an order: An order can be cancelled until it has been packed. Open My orders and
choose Cancel.

Orders > Change the address: The address can be changed until the parcel has left our house. Write
to the shop with your order's number.

Orders > Gift wrapping: Gift wrapping costs 3.50 euros an order. Tick the box in your basket.

Shop > Opening hours: The shop in Mainz is open from Monday to Saturday, from 9:00 to 18:30. It is
closed on public holidays.

Arbor manual > Draw a tree: Choose Person, then Add parents. Arbor draws the tree by itself.

Arbor manual > Print a tree: Choose File, then Print, and pick the size of the paper. Large trees
are cut into sheets.

Arbor manual > Export to GEDCOM: Choose File, then Export, and pick GEDCOM. Pictures are not part of
the file.

Arbor manual > Keyboard shortcuts: Press Ctrl and F to search for a person, and Ctrl and N to add
one.

Licence > How many computers: One licence covers three computers of the same household. It never
runs out.

The Lark hotels > Bookings: A booking can be cancelled free of charge until two days before you
arrive. Later the first night is charged.

The Lark hotels > Loyalty card: The loyalty card gives one free night after ten nights. It is free
and valid in all our houses.

Coffee care > Descale the machine: Fill the tank with descaler, press Clean for five seconds and let
it run through. Rinse twice with water.

Coffee care > Which water: Use soft, filtered water. Distilled water harms the sensor.

Guarantee > How long it lasts: The guarantee lasts two years from the day you bought the machine.
Keep the receipt.

Guarantee > What it does not cover: The guarantee does not cover lime, falls and parts that wear. A
worn seal can be bought in the shop.
"""

_PLANS = {
    "Free plan": ("2 GB", "3", "7 days", "two working days"),
    "Team plan": ("100 GB", "25", "30 days", "eight hours"),
    "Business plan": ("1 TB", "200", "365 days", "one hour"),
}
_COUNTRIES = {
    "Germany": ("3 to 5", "4.90", "50", "30", "DHL"),
    "France": ("4 to 7", "7.50", "80", "14", "Colissimo"),
    "Spain": ("6 to 9", "9.20", "90", "21", "Correos"),
}
_SYSTEMS = {
    "Windows": ("the Start menu", "C:\\Arbor", "Control Panel", "4 GB"),
    "macOS": ("the Applications folder", "/Library/Arbor", "Finder", "6 GB"),
    "Linux": ("a terminal", "/opt/arbor", "the package manager", "2 GB"),
}
_ROOMS = {
    "Seaview Hotel": ("14:00", "10:00", "18", "12", "07:00 and 10:00"),
    "Hillside Hotel": ("16:00", "11:30", "9", "20", "08:00 and 11:00"),
}
_MODELS = {
    "Brewer 200": ("1.2", "24", "three months", "900"),
    "Brewer 500": ("1.8", "36", "six weeks", "1,450"),
}


def documents() -> list[BenchPassage]:
    """All sections as passages."""
    told: Sections = {}
    for block in _SECTIONS.strip().split("\n\n"):
        place, text = " ".join(block.split()).split(": ", 1)
        told[tuple(place.split(" > "))] = text
    for plan, (space, members, history, reply) in _PLANS.items():
        told["Lumen plans", plan, "Storage"] = (
            f"The storage limit is {space} a team. Old versions count as well."
        )
        told["Lumen plans", plan, "Members"] = (
            f"A team can have up to {members} members. Guests do not count."
        )
        told["Lumen plans", plan, "Deleted files"] = (
            f"Deleted files are kept for {history} and can be restored."
        )
        told["Lumen plans", plan, "Support"] = f"Our support team answers within {reply}, on weekdays."
    for country, (days, price, free, back, carrier) in _COUNTRIES.items():
        told[f"Delivery to {country}", "Time"] = (
            f"Delivery takes {days} working days. You get a message the day before."
        )
        told[f"Delivery to {country}", "Price"] = (
            f"Delivery costs {price} euros. It is free from {free} euros."
        )
        told[f"Delivery to {country}", "Carrier"] = f"Parcels are brought by {carrier}. They try twice."
        told[f"Delivery to {country}", "Sending back"] = (
            f"Goods can be sent back within {back} days of delivery."
        )
    for system, (begin, folder, remove, memory) in _SYSTEMS.items():
        told["Install Arbor", system, "Installing"] = (
            f"Start the installer from {begin} and follow the steps."
        )
        told["Install Arbor", system, "Data folder"] = f"Arbor keeps its data in the folder {folder}."
        told["Install Arbor", system, "Removing"] = f"To remove Arbor, use {remove}. Your trees stay."
        told["Install Arbor", system, "Requirements"] = f"Arbor needs at least {memory} of memory."
    for house, (arrive, leave, pets, parking, breakfast) in _ROOMS.items():
        told[house, "Arrival"] = f"Rooms are ready from {arrive}. Luggage can be left earlier."
        told[house, "Departure"] = f"Please leave your room by {leave} on the last day."
        told[house, "Pets"] = f"A dog costs {pets} euros a night. Tell us before you come."
        told[house, "Parking"] = f"Parking costs {parking} euros a night. The garage is under the house."
        told[house, "Breakfast"] = f"Breakfast is served between {breakfast}."
    for model, (tank, seconds, filters, watts) in _MODELS.items():
        told[model, "Tank"] = f"The water tank holds {tank} litres. It can be washed by machine."
        told[model, "Warm-up"] = f"The machine is warm after {seconds} seconds."
        told[model, "Filter"] = f"The filter must be changed every {filters}."
        told[model, "Power"] = f"The machine draws {watts} watts when it heats."
    return [
        BenchPassage(" > ".join(place), place[0], place[0], text, place[1:]) for place, text in told.items()
    ]


BRANCHING = tuple(
    line.strip()
    for line in """
    What is the storage limit?
    How much storage does a team have?
    How many members can a team have?
    How many people can be in a team?
    How long are deleted files kept?
    Until when can I restore deleted files?
    How fast does support answer?
    When will the support team answer me?
    How long does delivery take?
    How many working days does delivery take?
    How much does delivery cost?
    What is the price of delivery?
    From what amount is delivery free?
    Who brings the parcels?
    How long can I send goods back?
    Within how many days can goods be sent back?
    How do I start the installer?
    Where does Arbor keep its data?
    In which folder is the data of Arbor?
    How do I remove Arbor?
    How much memory does Arbor need?
    When are the rooms ready?
    From what time are rooms ready?
    When do I have to leave my room?
    What does a dog cost a night?
    How much does parking cost?
    When is breakfast served?
    At what time is breakfast?
    How much water does the tank hold?
    How big is the water tank?
    How long until the machine is warm?
    How often must the filter be changed?
    When do I change the filter?
    How many watts does the machine draw?
    How much power does the machine use when it heats?
    """.strip().splitlines()
)
"""Answered differently by parallel sections, and saying not which."""

_NAMED = tuple(
    line.strip()
    for line in """
    What is the storage limit of the Free plan?
    How much storage does the Business plan have?
    How many members can a team have on the Team plan?
    How many members does the free plan allow?
    How long are deleted files kept on the Business plan?
    On the Team plan, how long are deleted files kept?
    How fast does support answer on the Free plan?
    I am on the Business plan, when does support answer?
    How long does delivery to Spain take?
    How many working days does delivery take to Germany?
    How much does delivery to France cost?
    What does it cost to have a parcel brought to Spain?
    From what amount is delivery to Germany free?
    Who brings the parcels in France?
    How long can I send goods back from Spain?
    Within how many days can goods be sent back from Germany?
    How do I start the installer on Windows?
    Where does Arbor keep its data on Linux?
    Which folder does Arbor use on macOS?
    How do I remove Arbor from Windows?
    How much memory does Arbor need on Linux?
    When are the rooms ready at the Seaview Hotel?
    When do I have to leave my room at the Hillside Hotel?
    What does a dog cost at the Seaview?
    How much does parking cost at the Hillside?
    When is breakfast served in the Seaview Hotel?
    How much water does the tank of the Brewer 200 hold?
    How long until the Brewer 500 is warm?
    How often must the filter of the Brewer 200 be changed?
    How many watts does the Brewer 500 draw?
    """.strip().splitlines()
)
_ALL_OF_THEM = tuple(
    line.strip()
    for line in """
    What is the storage limit of each plan?
    Which plan has the most storage?
    How do the plans differ in members?
    Compare how long deleted files are kept on the Free and the Team plan.
    Is support faster on the Business plan than on the Team plan?
    Which plan answers within one hour?
    What is the difference in delivery time between Germany and France?
    Where is delivery cheapest, in Germany, France or Spain?
    Is delivery free anywhere?
    Which carriers do you use?
    On which systems does Arbor run?
    Where does Arbor keep its data on Windows and on macOS?
    Which hotel serves breakfast earlier?
    Which of the hotels has the cheaper parking?
    What does a dog cost in both hotels?
    Which machine warms up faster?
    Which Brewer has the bigger tank?
    What kinds of plans are there?
    What is the overview of delivery prices?
    Which filters are available for all machines?
    """.strip().splitlines()
)
_ELSEWHERE = tuple(
    line.strip()
    for line in """
    When are invoices sent?
    Where can I download my invoices?
    Can I pay by bank transfer?
    Do you accept cheques?
    How do I get a refund?
    How do I reset my password?
    How long is the password link good for?
    How do I close my account?
    When are my files erased after I close the account?
    What is two-step sign-in?
    Where do I switch on two-step sign-in?
    How do I change my e-mail address?
    How do I share a file?
    Can a link carry a password?
    How do I stop sharing a file?
    What do I do when goods arrive damaged?
    Who pays for replacing damaged goods?
    Where do I hand in the parcel?
    Where do I find the label for sending goods back?
    Until when can I cancel an order?
    How do I change the address of an order?
    How much does gift wrapping cost?
    When is the shop open?
    Is the shop open on public holidays?
    How do I add parents to a person?
    How do I print a tree?
    Are pictures part of the GEDCOM file?
    How do I export to GEDCOM?
    What is the shortcut to search for a person?
    How many computers does a licence cover?
    Does the licence run out?
    Until when can a booking be cancelled free of charge?
    What does the loyalty card give me?
    What is charged when I cancel a booking late?
    How do I descale the machine?
    Which water should I use?
    Does distilled water harm the machine?
    How long does the guarantee last?
    Does the guarantee cover lime?
    Where can I buy a worn seal?
    When was Lumen founded?
    Is the source of Lumen published?
    Do guests count as members?
    Do old versions count towards the storage?
    Can luggage be left before the rooms are ready?
    Can the water tank be washed by machine?
    Where is the garage?
    Do my trees stay when I remove Arbor?
    Do I get a message before the delivery?
    How often does the carrier try?
    What is the capital of Peru?
    Do you sell bicycles?
    """.strip().splitlines()
)

QUESTIONS = (
    *((text, "branching", True) for text in BRANCHING),
    *((text, "says which", False) for text in _NAMED),
    *((text, "asks of all", False) for text in _ALL_OF_THEM),
    *((text, "one answer only", False) for text in _ELSEWHERE),
)
"""Text, kind, and whether it should be asked back."""

_DIALOGUES = """
What is the storage limit of the Free plan?
and the Team plan?
= Lumen plans > Team plan > Storage

How many members does the Free plan allow?
What about the Business plan?
= Lumen plans > Business plan > Members

How long are deleted files kept on the Team plan?
and on the Free plan?
= Lumen plans > Free plan > Deleted files

How fast does support answer on the Free plan?
How about the Team plan?
= Lumen plans > Team plan > Support

How long does delivery to Germany take?
And to Spain?
= Delivery to Spain > Time

How much does delivery to France cost?
and to Germany?
= Delivery to Germany > Price

Who brings parcels to Spain?
What about to France?
= Delivery to France > Carrier

How long does delivery to Germany take?
And France?
= Delivery to France > Time

Where does Arbor keep its data on Windows?
and on Linux?
= Install Arbor > Linux > Data folder

How do I remove Arbor on macOS?
And on Windows?
= Install Arbor > Windows > Removing

How much memory does Arbor need on Linux?
on macOS?
= Install Arbor > macOS > Requirements

When are rooms ready at the Seaview Hotel?
And at the Hillside Hotel?
= Hillside Hotel > Arrival

What does a dog cost at the Hillside Hotel?
same for the Seaview Hotel?
= Seaview Hotel > Pets

When is breakfast at the Seaview Hotel?
What about the Hillside Hotel?
= Hillside Hotel > Breakfast

How big is the tank of the Brewer 200?
and the Brewer 500?
= Brewer 500 > Tank

How many watts does the Brewer 500 draw?
What about the Brewer 200?
= Brewer 200 > Power

What is the storage limit of the Free plan?
and the Team plan?
and the Business plan?
= Lumen plans > Business plan > Storage

How long does delivery to Germany take?
and to France?
and Spain?
= Delivery to Spain > Time

How long does delivery to Germany take?
How much does it cost?
= Delivery to Germany > Price

How long does delivery to Spain take?
Can I send it back?
= Delivery to Spain > Sending back

How many members does the Free plan allow?
How do I reset my password?
= Accounts > Reset your password

When are invoices sent?
What about refunds?
= Billing > Refunds

How do I cancel an order?
and how do I change the address?
= Orders > Change the address

How much does parking cost at the Hillside Hotel?
And breakfast?
= Hillside Hotel > Breakfast
"""
DIALOGUES = tuple(
    (tuple(turns.splitlines()), section)
    for turns, section in (block.split("\n= ") for block in _DIALOGUES.strip().split("\n\n"))
)
"""What a visitor asks, one turn after the other, and the section that answers the last."""
