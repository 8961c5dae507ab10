"""Documents with parallel sections, of invented firms, written for this project.

What is asked of them stands in branching_questions. Knows nothing of how answers are made.
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
