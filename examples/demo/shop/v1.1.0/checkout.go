package main

import "fmt"

// prices of a cup of tea, in the smallest unit of each currency.
var prices = map[string]int{"EUR": 450, "JPY": 800}

// discountFrom is the amount from which an order is 10% cheaper.
const discountFrom = 2000

// total has the bug of this version: 2000 is 20.00 in euros, but 2000 yen is three cups of tea.
// Development sells in euros and never finds it. Staging, which equals production, sells in yen.
func total(currency string, cups int) (int, error) {
	price, ok := prices[currency]
	if !ok {
		return 0, fmt.Errorf("no price in %q", currency)
	}
	sum := cups * price
	if sum >= discountFrom {
		sum -= sum / 10
	}
	return sum, nil
}
